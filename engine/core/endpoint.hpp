// An IP address and port, without any socket type.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/core/bytes.hpp"

namespace btfs {

enum class AddressFamily : std::uint8_t { v4, v6 };

/// An IPv4 or IPv6 address; IPv4-mapped IPv6 addresses become IPv4 when parsed.
class Address {
  public:
    Address() = default;

    /// From 4 or 16 raw bytes in network order; nothing for another length.
    static std::optional<Address> from_bytes(ByteView raw);
    /// From text such as "192.0.2.1" or "2001:db8::1" (no brackets, no scope).
    static std::optional<Address> parse(std::string_view text);

    AddressFamily family() const { return family_; }
    bool is_v4() const { return family_ == AddressFamily::v4; }
    /// 4 or 16 bytes in network order.
    ByteView bytes() const { return ByteView(raw_).first(is_v4() ? 4 : 16); }
    std::string text() const;

    bool is_unspecified() const;
    bool is_loopback() const;
    bool is_multicast() const;
    bool is_link_local() const;
    /// 10/8, 172.16/12, 192.168/16, 100.64/10, 169.254/16, fc00::/7, fe80::/10.
    bool is_private() const;
    /// 240/8 to 254/8: addresses that belong to no host. With a proxy they stand for names (proxy::StandIns).
    bool is_reserved() const;
    /// The /64 of an IPv6 address, whose lower half its owner chooses; an IPv4 address itself. Limits for
    /// each host count by this.
    Address network() const;

    auto operator<=>(const Address&) const = default;

  private:
    std::array<std::byte, 16> raw_{};
    AddressFamily family_ = AddressFamily::v4;
};

struct Endpoint {
    Address address;
    std::uint16_t port = 0;

    /// "192.0.2.1:6881" or "[2001:db8::1]:6881"; nothing for a name or a missing port.
    static std::optional<Endpoint> parse(std::string_view text);
    /// BEP 23 / BEP 7 compact form: 6 or 18 bytes; nothing for another length.
    static std::optional<Endpoint> from_compact(ByteView raw);
    /// The same, to be sent.
    void append_compact(Bytes& out) const;
    std::string text() const;
    /// True if a peer can be dialled there: a port, and a unicast address that may belong to a host.
    bool is_dialable() const {
        return port != 0 && !address.is_unspecified() && !address.is_multicast() && !address.is_reserved();
    }

    auto operator<=>(const Endpoint&) const = default;
};

}  // namespace btfs

template <>
struct std::hash<btfs::Endpoint> {
    std::size_t operator()(const btfs::Endpoint& endpoint) const noexcept;
};
