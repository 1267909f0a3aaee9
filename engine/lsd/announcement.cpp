#include "engine/lsd/announcement.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <string_view>

namespace btfs::lsd {
namespace {

constexpr std::string_view kRequest = "BT-SEARCH * HTTP/1.";

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Takes the first line from `text` and returns it without its line end.
std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

/// Returns the port, or 0 if `text` is not one.
std::uint16_t port_of(std::string_view text) {
    std::uint16_t port = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && stop == text.data() + text.size() ? port : std::uint16_t{0};
}

}  // namespace

Endpoint group_of(AddressFamily family) {
    static const Endpoint v4 = *Endpoint::parse("239.192.152.143:6771");
    static const Endpoint v6 = *Endpoint::parse("[ff15::efc0:988f]:6771");
    return family == AddressFamily::v4 ? v4 : v6;
}

Bytes Announcement::encode(AddressFamily family) const {
    assert(info_hashes.size() <= kMaxInfoHashes && cookie.size() <= kMaxCookie);
    Bytes out;
    ByteWriter writer(out);
    writer.text("BT-SEARCH * HTTP/1.1\r\nHost: ").text(group_of(family).text());
    writer.text("\r\nPort: ").text(std::to_string(port)).text("\r\n");
    for (const Sha1Digest& info_hash : info_hashes)
        writer.text("Infohash: ").text(info_hash.hex()).text("\r\n");
    if (!cookie.empty()) writer.text("cookie: ").text(cookie).text("\r\n");
    writer.text("\r\n\r\n");
    assert(out.size() <= kMaxSize);
    return out;
}

std::optional<Announcement> Announcement::parse(ByteView datagram) {
    std::string_view rest = as_text(datagram);
    if (!take_line(rest).starts_with(kRequest)) return std::nullopt;
    Announcement announcement;
    while (!rest.empty()) {
        const std::string_view line = take_line(rest);
        if (line.empty()) break;
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = trimmed(line.substr(colon + 1));
        if (same_name(name, "port")) {
            announcement.port = port_of(value);
        } else if (same_name(name, "cookie")) {
            announcement.cookie = trimmed(value.substr(0, kMaxCookie));
        } else if (same_name(name, "infohash") && announcement.info_hashes.size() < kMaxInfoHashes) {
            if (const auto info_hash = Sha1Digest::from_hex(value))
                announcement.info_hashes.push_back(*info_hash);
        }
    }
    if (announcement.port == 0 || announcement.info_hashes.empty()) return std::nullopt;
    return announcement;
}

}  // namespace btfs::lsd
