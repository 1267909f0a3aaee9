#include "engine/filter/filter_line.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace btfs {
namespace {

constexpr unsigned kFirstAllowedLevel = 128;
constexpr std::string_view kHexOfAddresses = "0123456789abcdefABCDEF:.";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

std::string_view without_space(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

bool is_end_or_comment(std::string_view text) {
    return text.empty() || text.front() == '#' || text.front() == ';' || text.starts_with("//");
}

/// An address as its file writes it. IPv4-mapped IPv6 stays IPv6 here, for the sake of prefix lengths.
struct Written {
    bool is_v4 = false;
    std::uint32_t v4 = 0;
    IpFilter::V6 v6;
};

bool is_mapped(const IpFilter::V6& address) {
    return address.high == 0 && address.low >> 32 == 0xffff;
}

/// Takes four numbers with dots between them off the front of `text`. Changes nothing if they are not there.
std::optional<std::uint32_t> take_v4(std::string_view& text) {
    std::uint32_t address = 0;
    std::size_t at = 0;
    for (int i = 0; i < 4; ++i) {
        if (i > 0 && (at == text.size() || text[at++] != '.')) return std::nullopt;
        std::uint32_t number = 0;
        const std::size_t begin = at;
        while (at < text.size() && is_digit(text[at])) {
            if (at - begin == 3) return std::nullopt;
            number = number * 10 + static_cast<std::uint32_t>(text[at++] - '0');
        }
        if (at == begin || number > 255) return std::nullopt;
        address = address << 8 | number;
    }
    text.remove_prefix(at);
    return address;
}

/// Parses all of `text`.
std::optional<IpFilter::V6> parse_v6(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (text.size() >= terminated.size()) return std::nullopt;
    std::ranges::copy(text, terminated.begin());
    std::array<std::byte, 16> raw;
    if (inet_pton(AF_INET6, terminated.data(), raw.data()) != 1) return std::nullopt;
    return IpFilter::V6{load_big_endian<std::uint64_t>(raw.data()),
                        load_big_endian<std::uint64_t>(raw.data() + 8)};
}

/// Takes an address off the front of `text`. Changes nothing if there is none.
std::optional<Written> take_address(std::string_view& text) {
    std::string_view rest = text;
    const auto v4 = take_v4(rest);
    if (v4 && (rest.empty() || kHexOfAddresses.find(rest.front()) == std::string_view::npos)) {
        text = rest;
        return Written{true, *v4, {}};
    }
    const std::size_t size = std::min(text.find_first_not_of(kHexOfAddresses), text.size());
    const auto v6 = parse_v6(text.substr(0, size));
    if (!v6) return std::nullopt;
    text.remove_prefix(size);
    return Written{false, 0, *v6};
}

/// Unreadable if the ends are of different families, or the wrong way round.
FilterLine range_of(const Written& first, const Written& last) {
    if (first.is_v4 != last.is_v4) return Unreadable{};
    if (first.is_v4) {
        if (first.v4 > last.v4) return Unreadable{};
        return IpFilter::V4Range{first.v4, last.v4};
    }
    if (first.v6 > last.v6) return Unreadable{};
    if (is_mapped(first.v6) && is_mapped(last.v6))
        return IpFilter::V4Range{static_cast<std::uint32_t>(first.v6.low),
                                 static_cast<std::uint32_t>(last.v6.low)};
    return IpFilter::V6Range{first.v6, last.v6};
}

/// Takes the digits that `text` begins with, at most three, which are a number up to `most`.
std::optional<unsigned> take_number(std::string_view& text, unsigned most) {
    const std::size_t size = std::min(text.find_first_not_of("0123456789"), text.size());
    if (size == 0 || size > 3) return std::nullopt;
    unsigned number = 0;
    std::from_chars(text.data(), text.data() + size, number);
    if (number > most) return std::nullopt;
    text.remove_prefix(size);
    return number;
}

/// `rest` stands behind ADDRESS/ and is a prefix length.
FilterLine network_of(const Written& address, std::string_view rest) {
    const auto length = take_number(rest, address.is_v4 ? 32 : 128);
    if (!length || !is_end_or_comment(without_space(rest))) return Unreadable{};
    if (address.is_v4) {
        const std::uint32_t hosts =
            *length == 0 ? ~std::uint32_t{0} : (std::uint64_t{1} << (32 - *length)) - 1;
        return IpFilter::V4Range{address.v4 & ~hosts, address.v4 | hosts};
    }
    const unsigned host_bits = 128 - *length;
    const auto ones = [](unsigned bits) {
        return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
    };
    const IpFilter::V6 hosts{host_bits > 64 ? ones(host_bits - 64) : 0, ones(host_bits)};
    Written first = address, last = address;
    first.v6 = {address.v6.high & ~hosts.high, address.v6.low & ~hosts.low};
    last.v6 = {address.v6.high | hosts.high, address.v6.low | hosts.low};
    return range_of(first, last);
}

/// `level_and_name` stands behind the first comma of a .dat line. The level counts if it is a number.
bool is_allowed(std::string_view level_and_name) {
    const std::string_view level = without_space(level_and_name.substr(0, level_and_name.find(',')));
    unsigned number = 0;
    const auto [end, error] = std::from_chars(level.data(), level.data() + level.size(), number);
    return error == std::errc{} && end == level.data() + level.size() && number >= kFirstAllowedLevel;
}

/// A line that begins with an address: a .dat line, a network, or an address alone.
FilterLine parse_address_first(std::string_view line) {
    const auto first = take_address(line);
    if (!first) return Unreadable{};
    if (line.starts_with('/') && !line.starts_with("//")) return network_of(*first, line.substr(1));
    line = without_space(line);
    if (is_end_or_comment(line)) return range_of(*first, *first);
    if (line.front() != '-') return Unreadable{};
    line = without_space(line.substr(1));
    const auto last = take_address(line);
    if (!last) return Unreadable{};
    line = without_space(line);
    const FilterLine range = range_of(*first, *last);
    if (is_end_or_comment(line) || std::holds_alternative<Unreadable>(range)) return range;
    if (line.front() != ',') return Unreadable{};
    return is_allowed(line.substr(1)) ? FilterLine(AllowedRange{}) : range;
}

/// NAME:FIRST-LAST. Names hold colons and dashes, so LAST is sought from the end, and FIRST may begin behind
/// any colon: the narrowest range has the greatest FIRST.
FilterLine parse_name_first(std::string_view line) {
    const std::size_t dash = line.rfind('-');
    if (dash == std::string_view::npos) return Unreadable{};
    std::string_view behind = without_space(line.substr(dash + 1));
    const auto last = take_address(behind);
    if (!last || !behind.empty()) return Unreadable{};
    const std::string_view front = without_space(line.substr(0, dash));
    FilterLine narrowest = Unreadable{};
    std::optional<IpFilter::V6> greatest;
    // An address has at most seven colons, and one more stands before it.
    std::size_t colon = front.size();
    for (int i = 0; i < 8 && colon > 0; ++i) {
        colon = front.rfind(':', colon - 1);
        if (colon == std::string_view::npos) break;
        std::string_view text = without_space(front.substr(colon + 1));
        const auto first = take_address(text);
        if (!first || !text.empty()) continue;
        const FilterLine range = range_of(*first, *last);
        if (std::holds_alternative<Unreadable>(range)) continue;
        if (first->is_v4) return range;
        if (greatest && *greatest > first->v6) continue;
        greatest = first->v6;
        narrowest = range;
    }
    return narrowest;
}

/// True if `range` has fewer addresses than `other`, which ends where it does.
bool is_narrower(const FilterLine& range, const FilterLine& other) {
    const auto* v6 = std::get_if<IpFilter::V6Range>(&range);
    const auto* other_v6 = std::get_if<IpFilter::V6Range>(&other);
    return v6 && other_v6 && v6->last == other_v6->last && v6->first > other_v6->first;
}

}  // namespace

FilterLine parse_filter_line(std::string_view line) {
    line = without_space(line);
    if (is_end_or_comment(line)) return NoEntry{};
    const FilterLine range = parse_address_first(line);
    if (std::holds_alternative<Unreadable>(range)) return parse_name_first(line);
    // "abc:2001:db8::1-2001:db8::9" begins with what looks like an address, too.
    if (std::holds_alternative<IpFilter::V6Range>(range))
        if (const FilterLine named = parse_name_first(line); is_narrower(named, range)) return named;
    return range;
}

}  // namespace btfs
