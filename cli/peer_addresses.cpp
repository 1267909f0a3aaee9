#include "cli/peer_addresses.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "cli/failure.hpp"

namespace btfs::cli {
namespace {

std::optional<Address> address_of(const sockaddr* raw) {
    if (raw->sa_family == AF_INET) {
        const auto& v4 = *reinterpret_cast<const sockaddr_in*>(raw);
        return Address::from_bytes(std::as_bytes(std::span(&v4.sin_addr, 1)));
    }
    if (raw->sa_family == AF_INET6) {
        const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(raw);
        return Address::from_bytes(std::as_bytes(std::span(&v6.sin6_addr, 1)));
    }
    return std::nullopt;
}

}  // namespace

std::vector<HostPort> parse_addresses(const std::string& option, const std::vector<std::string>& texts) {
    std::vector<HostPort> addresses;
    for (const std::string& text : texts) {
        auto address = HostPort::parse(text);
        if (!address) throw Failure(option + " " + text + ": write it as HOST:PORT, or [IPv6]:PORT");
        addresses.push_back(std::move(*address));
    }
    return addresses;
}

Address own_address() {
    Address best = *Address::parse("127.0.0.1");
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return best;
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> guard(list, freeifaddrs);
    for (const ifaddrs* i = list; i; i = i->ifa_next) {
        if (!i->ifa_addr) continue;
        const auto address = address_of(i->ifa_addr);
        if (!address || address->is_loopback() || address->is_link_local()) continue;
        if (best.is_loopback() || (address->is_v4() && !best.is_v4())) best = *address;
    }
    return best;
}

}  // namespace btfs::cli
