#include "cli/http/byte_ranges.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "cli/http/header_text.hpp"

namespace btfs::cli {
namespace {

constexpr std::string_view kUnit = "bytes=";

/// Parses digits. A number that is larger than any file is the largest one.
std::optional<std::uint64_t> position(std::string_view digits) {
    if (digits.empty() || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
        return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() ? value : std::numeric_limits<std::uint64_t>::max();
}

/// Parses "a-b", "a-" or "-n"; an empty range if the file has none of it. Nothing: no range at all.
std::optional<ByteRange> parse_part(std::string_view text, std::uint64_t size) {
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const std::string_view first = text.substr(0, dash), last = text.substr(dash + 1);
    if (first.empty()) {
        const auto count = position(last);
        if (!count) return std::nullopt;
        return ByteRange{size - std::min(*count, size), size};
    }
    const auto begin = position(first);
    const auto inclusive_end = last.empty() ? std::numeric_limits<std::uint64_t>::max() : position(last);
    if (!begin || !inclusive_end || *inclusive_end < *begin) return std::nullopt;
    if (*begin >= size) return ByteRange{size, size};
    return ByteRange{*begin, *inclusive_end >= size ? size : *inclusive_end + 1};
}

}  // namespace

RequestedRanges parse_ranges(std::string_view header, std::uint64_t size) {
    using Kind = RequestedRanges::Kind;
    if (header.size() < kUnit.size() || !equals_ignoring_case(header.substr(0, kUnit.size()), kUnit))
        return {};
    RequestedRanges requested{.kind = Kind::parts};
    std::uint64_t total = 0;
    std::size_t count = 0;
    for (const std::string_view item : list_items(header.substr(kUnit.size()))) {
        const auto part = parse_part(item, size);
        if (!part || ++count > kMaxRangeParts) return {};
        if (part->empty()) continue;
        total += part->size();
        requested.parts.push_back(*part);
    }
    if (count == 0 || total > size) return {};
    if (requested.parts.empty()) requested.kind = Kind::unsatisfiable;
    return requested;
}

std::string content_range(ByteRange part, std::uint64_t size) {
    return fmt::format("bytes {}-{}/{}", part.begin, part.end - 1, size);
}

std::string unsatisfied_range(std::uint64_t size) {
    return fmt::format("bytes */{}", size);
}

}  // namespace btfs::cli
