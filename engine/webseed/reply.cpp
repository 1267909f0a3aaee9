#include "engine/webseed/reply.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "engine/core/ascii.hpp"

namespace btfs::webseed {
namespace {

std::string_view without_blanks(std::string_view text) {
    const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

/// Takes a number from the front of the text.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

bool take(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

/// Only the form with seconds is read: the other one, a date, needs a right clock.
std::optional<Duration> retry_time(std::optional<std::string_view> field) {
    constexpr std::uint64_t kMost = 24 * 3600;
    if (!field) return std::nullopt;
    std::string_view text = without_blanks(*field);
    const auto seconds = take_number(text);
    if (!seconds || !text.empty()) return std::nullopt;
    return std::chrono::seconds(std::min(*seconds, kMost));
}

bool is_encoded(std::optional<std::string_view> field) {
    if (!field) return false;
    const std::string_view coding = without_blanks(*field);
    return !coding.empty() && coding != "identity" && coding != "none" && coding != "binary";
}

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view text) {
    text = without_blanks(text);
    if (text.size() < 5) return std::nullopt;
    const std::string_view unit = text.substr(0, 5);
    if (!equal_without_case(unit, "bytes")) return std::nullopt;
    text = without_blanks(text.substr(5));
    take(text, '=');  // some servers write "bytes=0-9/10"
    ContentRange range;
    const auto first = take_number(text);
    if (!first || !take(text, '-')) return std::nullopt;
    const auto last = take_number(text);
    if (!last || *last < *first || *last == std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
    range.in_file = {*first, *last + 1};
    if (!take(text, '/')) return std::nullopt;
    if (text == "*") return range;
    range.total = take_number(text);
    if (!range.total || !text.empty() || *range.total < range.in_file.end) return std::nullopt;
    return range;
}

Verdict judge(const ReplyHead& head, ByteRange asked, std::uint64_t file_size) {
    using Kind = Verdict::Kind;
    if (head.status == 206) {
        if (is_encoded(head.content_encoding) || !head.content_range) return {Kind::bad};
        const auto range = parse_content_range(*head.content_range);
        if (!range || range->in_file.begin != asked.begin || range->in_file.end > asked.end)
            return {Kind::bad};
        if (range->total && *range->total != file_size) return {Kind::bad};
        if (head.body_size && *head.body_size != range->in_file.size()) return {Kind::bad};
        return {Kind::body, range->in_file};
    }
    if (head.status == 200) {
        if (is_encoded(head.content_encoding)) return {Kind::bad};
        if (head.body_size && *head.body_size != file_size) return {Kind::bad};
        return {Kind::whole, {0, file_size}};
    }
    // Too early, too many, a time-out of the server's, or a failure inside it.
    const bool later = head.status >= 500 || head.status == 408 || head.status == 425 || head.status == 429;
    return {later ? Kind::later : Kind::bad, {}, retry_time(head.retry_after)};
}

Verdict judge_piece(const ReplyHead& head, ByteRange asked) {
    using Kind = Verdict::Kind;
    if (head.status != 200) return {Kind::later, {}, retry_time(head.retry_after)};
    if (is_encoded(head.content_encoding)) return {Kind::bad};
    if (head.body_size && *head.body_size != asked.size()) return {Kind::bad};
    return {Kind::body, asked};
}

}  // namespace btfs::webseed
