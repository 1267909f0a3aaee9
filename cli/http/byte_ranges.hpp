// The Range header of HTTP (RFC 9110, section 14).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/types.hpp"

namespace btfs::cli {

/// Parts of a file that a request asks for.
struct RequestedRanges {
    enum class Kind : std::uint8_t {
        whole,          ///< no ranges, or a header that is to be ignored
        parts,          ///< of the file
        unsatisfiable,  ///< nothing that the file has: status 416
    };

    Kind kind = Kind::whole;
    std::vector<ByteRange> parts = {};  ///< as they were asked for, each cut to the file; none is empty
};

/// More parts than this, or more bytes than the file has, are answered with the whole file, so that a small
/// request does not bring a large answer.
inline constexpr std::size_t kMaxRangeParts = 32;

/// Parses the header's value for a file of `size` bytes. A unit or a syntax that is not understood is
/// ignored, as the RFC asks.
RequestedRanges parse_ranges(std::string_view header, std::uint64_t size);

/// Returns the Content-Range of a part: "bytes 0-99/1000".
std::string content_range(ByteRange part, std::uint64_t size);
/// Returns the Content-Range of status 416: "bytes */1000".
std::string unsatisfied_range(std::uint64_t size);

}  // namespace btfs::cli
