#include "engine/core/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace btfs {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const char* end = text.data() + text.size();
    auto [stop, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc{} || stop != end || text.empty()) return std::nullopt;
    return port;
}

}  // namespace

std::optional<Address> Address::from_bytes(ByteView raw) {
    Address a;
    if (raw.size() == 16 && std::memcmp(raw.data(), kMappedPrefix.data(), kMappedPrefix.size()) == 0)
        raw = raw.subspan(kMappedPrefix.size());
    if (raw.size() != 4 && raw.size() != 16) return std::nullopt;
    a.family_ = raw.size() == 4 ? AddressFamily::v4 : AddressFamily::v6;
    std::ranges::copy(raw, a.raw_.begin());
    return a;
}

std::optional<Address> Address::parse(std::string_view text) {
    const std::string terminated(text);
    std::array<std::byte, 16> raw{};
    if (inet_pton(AF_INET, terminated.c_str(), raw.data()) == 1) return from_bytes(ByteView(raw).first(4));
    if (inet_pton(AF_INET6, terminated.c_str(), raw.data()) == 1) return from_bytes(raw);
    return std::nullopt;
}

std::string Address::text() const {
    char out[INET6_ADDRSTRLEN];
    inet_ntop(is_v4() ? AF_INET : AF_INET6, raw_.data(), out, sizeof out);
    return out;
}

bool Address::is_unspecified() const {
    return std::ranges::all_of(bytes(), [](std::byte b) { return b == std::byte{0}; });
}

bool Address::is_loopback() const {
    if (is_v4()) return raw_[0] == std::byte{127};
    return std::all_of(raw_.begin(), raw_.end() - 1, [](std::byte b) { return b == std::byte{0}; }) &&
           raw_[15] == std::byte{1};
}

bool Address::is_reserved() const {
    return is_v4() && raw_[0] >= std::byte{0xf0} && raw_[0] != std::byte{0xff};
}

bool Address::is_multicast() const {
    if (is_v4()) return (raw_[0] & std::byte{0xf0}) == std::byte{0xe0} || raw_[0] == std::byte{0xff};
    return raw_[0] == std::byte{0xff};
}

bool Address::is_link_local() const {
    if (is_v4()) return raw_[0] == std::byte{169} && raw_[1] == std::byte{254};
    return raw_[0] == std::byte{0xfe} && (raw_[1] & std::byte{0xc0}) == std::byte{0x80};
}

bool Address::is_private() const {
    if (is_link_local()) return true;
    if (!is_v4()) return (raw_[0] & std::byte{0xfe}) == std::byte{0xfc};
    return raw_[0] == std::byte{10} ||
           (raw_[0] == std::byte{172} && (raw_[1] & std::byte{0xf0}) == std::byte{16}) ||
           (raw_[0] == std::byte{192} && raw_[1] == std::byte{168}) ||
           (raw_[0] == std::byte{100} && (raw_[1] & std::byte{0xc0}) == std::byte{64});
}

Address Address::network() const {
    Address network = *this;
    if (!is_v4()) std::fill(network.raw_.begin() + 8, network.raw_.end(), std::byte{0});
    return network;
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return std::nullopt;  // IPv6 needs brackets
    }
    auto address = Address::parse(host);
    auto port = parse_port(text.substr(colon + 1));
    if (!address || !port) return std::nullopt;
    return Endpoint{*address, *port};
}

std::optional<Endpoint> Endpoint::from_compact(ByteView raw) {
    if (raw.size() != 6 && raw.size() != 18) return std::nullopt;
    auto address = Address::from_bytes(raw.first(raw.size() - 2));
    return Endpoint{*address, load_big_endian<std::uint16_t>(raw.data() + raw.size() - 2)};
}

void Endpoint::append_compact(Bytes& out) const {
    ByteWriter(out).bytes(address.bytes()).u16(port);
}

std::string Endpoint::text() const {
    const std::string host = address.is_v4() ? address.text() : '[' + address.text() + ']';
    return host + ':' + std::to_string(port);
}

}  // namespace btfs

std::size_t std::hash<btfs::Endpoint>::operator()(const btfs::Endpoint& endpoint) const noexcept {
    return std::hash<std::string_view>{}(btfs::as_text(endpoint.address.bytes())) * 31 + endpoint.port;
}
