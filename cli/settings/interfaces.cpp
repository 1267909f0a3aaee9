#include "cli/settings/interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "cli/process/failure.hpp"

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

[[noreturn]] void fail(const std::string& text, const std::string& why) {
    throw Failure("--bind " + text + ": " + why);
}

std::string interface_of(const std::string& text, const Address& address) {
    const auto all = interface_addresses();
    const auto found = std::ranges::find(all, address, &InterfaceAddress::address);
    if (found == all.end()) fail(text, "no interface of this machine has this address");
    return found->interface;
}

}  // namespace

std::vector<InterfaceAddress> interface_addresses() {
    std::vector<InterfaceAddress> all;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return all;
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> guard(list, freeifaddrs);
    for (const ifaddrs* i = list; i; i = i->ifa_next)
        if (const auto address = i->ifa_addr ? address_of(i->ifa_addr) : std::nullopt)
            all.push_back({i->ifa_name, *address});
    return all;
}

Address own_address(const net::LocalBinding& binding) {
    if (binding.v4 || binding.v6) return binding.v4 ? *binding.v4 : *binding.v6;
    std::optional<Address> best;
    const auto rank = [](const Address& address) {
        return std::pair(address.is_loopback(), !address.is_v4());
    };
    for (const auto& [interface, address] : interface_addresses()) {
        if (!binding.device.empty() && interface != binding.device) continue;
        if (address.is_link_local()) continue;
        if (!best || rank(address) < rank(*best)) best = address;
    }
    return best.value_or(*Address::parse("127.0.0.1"));
}

net::LocalBinding parse_binding(const std::vector<std::string>& texts) {
    net::LocalBinding binding;
    for (const std::string& text : texts) {
        const auto address = Address::parse(text);
        const std::string interface = address ? interface_of(text, *address) : text;
        if (!address && if_nametoindex(text.c_str()) == 0)
            fail(text, "no such interface, and no address of one");
        if (!binding.device.empty() && binding.device != interface)
            fail(text, "is not on " + binding.device + ": everything goes over one interface");
        binding.device = interface;
        if (!address) continue;
        std::optional<Address>& of_family = address->is_v4() ? binding.v4 : binding.v6;
        if (of_family && of_family != address) fail(text, "one address of each family, not more");
        of_family = address;
    }
    return binding;
}

}  // namespace btfs::cli
