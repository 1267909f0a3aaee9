#include "cli/peer_addresses.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>

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

std::vector<Endpoint> resolve_peers(const std::vector<std::string>& texts) {
    std::vector<Endpoint> endpoints;
    for (const std::string& text : texts) {
        if (const auto literal = Endpoint::parse(text)) {
            endpoints.push_back(*literal);
            continue;
        }
        const std::size_t colon = text.rfind(':');
        if (colon == std::string::npos || colon == 0 || colon + 1 == text.size())
            throw Failure("--peer " + text + ": write it as HOST:PORT, or [IPv6]:PORT");
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        const int error =
            getaddrinfo(text.substr(0, colon).c_str(), text.substr(colon + 1).c_str(), &hints, &found);
        if (error != 0) throw Failure("--peer " + text + ": " + gai_strerror(error));
        const std::unique_ptr<addrinfo, void (*)(addrinfo*)> guard(found, freeaddrinfo);
        for (const addrinfo* a = found; a; a = a->ai_next) {
            const auto address = address_of(a->ai_addr);
            const in_port_t port =
                reinterpret_cast<const sockaddr_in*>(a->ai_addr)->sin_port;  // at the same place for both
            if (address) endpoints.push_back({*address, ntohs(port)});
        }
    }
    return endpoints;
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
