// Judges a server's reply to a request for a range of a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/core/time.hpp"
#include "engine/core/types.hpp"

namespace btfs::webseed {

/// Fields of a reply's header.
struct ReplyHead {
    unsigned status = 0;
    std::optional<std::string_view> content_range = {};
    std::optional<std::string_view> content_encoding = {};
    std::optional<std::string_view> retry_after = {};
    /// Of the body, if the header tells it.
    std::optional<std::uint64_t> body_size = {};
};

struct Verdict {
    enum class Kind : std::uint8_t {
        body,   ///< the bytes `in_file` follow
        whole,  ///< so they do, but the server has ignored the range: `in_file` begins at 0
        bad,    ///< the file is not there, or is another one
        later,  ///< the server cannot answer now
    };
    Kind kind = Kind::bad;
    ByteRange in_file = {};
    std::optional<Duration> retry_after = {};
};

/// `asked`: the range of the file, of `file_size` bytes. A range that begins elsewhere than asked, ends
/// beyond what was asked, or names another size of the file is bad; a shorter one is not. So is a body that
/// is compressed.
Verdict judge(const ReplyHead& head, ByteRange asked, std::uint64_t file_size);

/// The same for a request to an HTTP seed (BEP 17): 200 alone is an answer, and its body is what was asked
/// for. Where a server says how long to wait, in the body of a 503, that stands in `retry_after`.
Verdict judge_piece(const ReplyHead& head, ByteRange asked);

/// A Content-Range, such as "bytes 5-9/20" (RFC 9110). `total` is nothing if the server does not know it.
struct ContentRange {
    ByteRange in_file;
    std::optional<std::uint64_t> total;
};
std::optional<ContentRange> parse_content_range(std::string_view text);

}  // namespace btfs::webseed
