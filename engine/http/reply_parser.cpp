#include "engine/http/reply_parser.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace btfs::http {
namespace {

/// Bytes of a chunk's size and line end. Bytes beyond these are a chunk extension, which counts as header.
constexpr std::size_t kFreeChunkLine = 18;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

}  // namespace

bool ReplyParser::reads_lines() const {
    return state_ != State::body_of_length && state_ != State::body_to_end && state_ != State::chunk_data;
}

Error ReplyParser::feed(std::string_view bytes) {
    while (!bytes.empty() && !done()) {
        if (reads_lines()) {
            const std::size_t end = bytes.find('\n');
            const std::string_view part = bytes.substr(0, end);
            if (header_size_ + line_.size() + part.size() > limits_.max_header_size + kFreeChunkLine)
                return Errc::http_too_large;
            line_.append(part);
            if (end == std::string_view::npos) return {};
            bytes.remove_prefix(end + 1);
            const std::string line = std::exchange(line_, {});
            const bool cr = line.ends_with('\r');
            if (Error error = take_line(std::string_view(line).substr(0, line.size() - (cr ? 1 : 0))))
                return error;
        } else if (state_ == State::body_to_end) {
            if (bytes.size() > limits_.max_body_size - body_come_) return Errc::http_too_large;
            append_body(bytes);
            return {};
        } else {
            const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), body_left_));
            append_body(bytes.substr(0, size));
            bytes.remove_prefix(size);
            body_left_ -= size;
            if (body_left_ == 0) state_ = state_ == State::chunk_data ? State::chunk_end : State::done;
        }
    }
    return {};
}

Error ReplyParser::feed_end() {
    // A server that leaves out the empty line behind the last chunk has sent the whole body all the same.
    if (state_ == State::body_to_end || state_ == State::trailers) state_ = State::done;
    return done() ? Error{} : Errc::connection_closed;
}

Error ReplyParser::take_line(std::string_view line) {
    const std::size_t free = state_ == State::chunk_size || state_ == State::chunk_end ? kFreeChunkLine : 0;
    header_size_ += line.size() + 1 > free ? line.size() + 1 - free : 0;
    if (header_size_ > limits_.max_header_size) return Errc::http_too_large;
    switch (state_) {
        case State::status_line:
            return line.empty() ? Error{} : on_status_line(line);
        case State::fields:
            if (line.empty()) return on_header_end();
            on_field(line);
            return {};
        case State::chunk_size:
            return on_chunk_size(line);
        case State::chunk_end:
            state_ = State::chunk_size;
            return line.empty() ? Error{} : Errc::http_malformed;
        case State::trailers:
            if (line.empty()) state_ = State::done;
            return {};
        case State::body_of_length:
        case State::body_to_end:
        case State::chunk_data:
        case State::done:
            break;
    }
    return {};
}

Error ReplyParser::on_status_line(std::string_view line) {
    const std::string start = lowered(line.substr(0, 5));
    if (start != "http/" && !start.starts_with("icy ")) return Errc::http_malformed;
    old_version_ = lowered(line.substr(0, 8)) != "http/1.1";
    line.remove_prefix(std::min(line.find(' '), line.size()));
    line = trimmed(line);
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), status_);
    if (error != std::errc{} || end - line.data() != 3 || status_ < 100) return Errc::http_malformed;
    state_ = State::fields;
    return {};
}

void ReplyParser::on_field(std::string_view line) {
    if (is_blank(line.front())) {  // a folded line: the value goes on
        if (!fields_.empty()) fields_.back().second.append(" ").append(trimmed(line));
        return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    fields_.emplace_back(lowered(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
}

std::optional<std::string_view> ReplyParser::field(std::string_view lower_case_name) const {
    for (const auto& [name, value] : fields_) {
        if (name == lower_case_name) return value;
    }
    return std::nullopt;
}

bool ReplyParser::keeps_connection() const {
    const std::string wish = lowered(field("connection").value_or(""));
    if (wish.find("close") != std::string::npos || ends_with_connection()) return false;
    return !old_version_ || wish.find("keep-alive") != std::string::npos;
}

Error ReplyParser::on_header_end() {
    if (status_ == 101) return Errc::http_malformed;  // switches to a protocol that we did not ask for
    if (status_ < 200) {
        fields_.clear();
        state_ = State::status_line;
        return {};
    }
    return begin_body();
}

Error ReplyParser::begin_body() {
    if (status_ == 204 || status_ == 304) {
        length_ = 0;
        state_ = State::done;
        return {};
    }
    state_ = State::body_to_end;
    if (const auto coding = field("transfer-encoding")) {
        const std::string name = lowered(*coding);
        if (name == "chunked") {
            state_ = State::chunk_size;
            return {};
        }
        if (!name.empty() && name != "identity") return Errc::http_malformed;
    }
    std::optional<std::uint64_t> length;
    for (const auto& [name, value] : fields_) {
        if (name != "content-length") continue;
        std::uint64_t size = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
        if (error == std::errc::result_out_of_range) return Errc::http_too_large;
        if (error != std::errc{} || end != value.data() + value.size()) continue;
        if (length && *length != size) return Errc::http_malformed;
        length = size;
    }
    length_ = length;
    if (!length) return {};
    if (*length == 0) {
        state_ = State::done;
        return {};
    }
    state_ = State::body_of_length;
    return expect_body(*length);
}

Error ReplyParser::expect_body(std::uint64_t size) {
    if (size > limits_.max_body_size - body_come_) return Errc::http_too_large;
    body_left_ = size;
    return {};
}

Error ReplyParser::on_chunk_size(std::string_view line) {
    line = trimmed(line);
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (error == std::errc::result_out_of_range) return Errc::http_too_large;
    if (error != std::errc{}) return Errc::http_malformed;
    const std::string_view behind = trimmed(line.substr(static_cast<std::size_t>(end - line.data())));
    if (!behind.empty() && !behind.starts_with(';')) return Errc::http_malformed;
    state_ = size == 0 ? State::trailers : State::chunk_data;
    return expect_body(size);
}

void ReplyParser::append_body(std::string_view bytes) {
    body_.append(bytes);
    body_come_ += bytes.size();
}

}  // namespace btfs::http
