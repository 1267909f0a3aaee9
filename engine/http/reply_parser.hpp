// Parser of HTTP/1 replies that reads what curl and libtorrent read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/error.hpp"

namespace btfs::http {

/// Reads one reply to a GET from the bytes of a connection; a machine without a socket. Its owner feeds bytes
/// until done(), and calls feed_end() if the connection ends before.
///
/// More than RFC 9112 asks for is read: lines that end with LF alone, empty lines in front, a status line
/// without a reason, blanks before a field's colon, folded fields, lines that are no fields (ignored), any
/// number of interim replies (1xx) before the real one, a Content-Length that is no number (the body then
/// ends with the connection), a chunked body whose last line is missing.
class ReplyParser {
  public:
    struct Limits {
        /// Status lines, fields, chunk extensions and trailers together, interim replies included; bytes.
        std::size_t max_header_size = 64 * 1024;
        std::uint64_t max_body_size = 1 << 20;  ///< as it is sent, that is before decompression
    };

    explicit ReplyParser(const Limits& limits) : limits_(limits) {}

    /// Takes the next bytes; those behind the reply's end are ignored. Errors: http_malformed,
    /// http_too_large. After an error the parser is of no more use.
    Error feed(std::string_view bytes);
    /// The connection has ended in order. Errors: connection_closed if the reply is not whole.
    Error feed_end();

    bool header_done() const { return state_ >= State::body_of_length; }
    bool done() const { return state_ == State::done; }
    /// True if the body ends where the connection ends.
    bool ends_with_connection() const { return state_ == State::body_to_end; }

    /// These are set once the header is done.
    unsigned status() const { return status_; }
    /// The value of the first field of that name (written in lower case).
    std::optional<std::string_view> field(std::string_view lower_case_name) const;
    /// The body so far, still encoded, but for what was taken before.
    std::string take_body() { return std::exchange(body_, {}); }
    /// The bytes of the whole body, if the header tells it: not of a chunked one.
    std::optional<std::uint64_t> body_size() const { return length_; }
    /// True if the server will answer another request on the connection once this reply is done.
    bool keeps_connection() const;

  private:
    /// In the order in which a reply goes through them.
    enum class State : std::uint8_t {
        status_line,
        fields,
        body_of_length,
        body_to_end,
        chunk_size,
        chunk_data,
        chunk_end,
        trailers,
        done
    };

    bool reads_lines() const;
    Error take_line(std::string_view line);
    Error on_status_line(std::string_view line);
    void on_field(std::string_view line);
    Error on_header_end();
    Error begin_body();
    Error on_chunk_size(std::string_view line);
    Error expect_body(std::uint64_t size);
    void append_body(std::string_view bytes);

    const Limits limits_;
    State state_ = State::status_line;
    std::string line_;             ///< the part of a line that has come
    std::size_t header_size_ = 0;  ///< counted against the limit
    std::uint64_t body_left_ = 0;  ///< of the body or the chunk
    std::uint64_t body_come_ = 0;  ///< counted against the limit
    std::optional<std::uint64_t> length_;
    bool old_version_ = false;  ///< HTTP/1.0, or no HTTP
    unsigned status_ = 0;
    std::vector<std::pair<std::string, std::string>> fields_;  ///< names in lower case
    std::string body_;
};

}  // namespace btfs::http
