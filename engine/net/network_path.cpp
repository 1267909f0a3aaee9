#include "engine/net/network_path.hpp"

#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <span>

namespace btfs::net {
namespace {

/// Addresses reserved for documentation (RFC 5737, RFC 3849). No network has them, so their route is the
/// default route.
const Address kNowhereV4 = *Address::parse("192.0.2.1");
const Address kNowhereV6 = *Address::parse("2001:db8::1");

struct RouteQuery {
    nlmsghdr header{};
    rtmsg route{};
    std::array<std::byte, 128> attributes{};

    void add(unsigned short type, ByteView value) {
        rtattr attribute{};
        attribute.rta_type = type;
        attribute.rta_len = static_cast<unsigned short>(RTA_LENGTH(value.size()));
        std::byte* at = attributes.data() + used;
        std::memcpy(at, &attribute, sizeof attribute);
        std::memcpy(at + RTA_LENGTH(0), value.data(), value.size());
        used += RTA_ALIGN(attribute.rta_len);
        header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(sizeof route) + used);
    }
    std::size_t used = 0;
};

struct Answer {
    unsigned char type = RTN_UNSPEC;
    Route route;
    std::optional<Address> source;
};

std::optional<Answer> parse(nlmsghdr* reply, std::size_t size) {
    if (!NLMSG_OK(reply, size) || reply->nlmsg_type != RTM_NEWROUTE) return std::nullopt;
    auto* route = static_cast<rtmsg*>(NLMSG_DATA(reply));
    Answer answer{route->rtm_type, {}, {}};
    auto left = static_cast<int>(RTM_PAYLOAD(reply));
    for (rtattr* each = RTM_RTA(route); RTA_OK(each, left); each = RTA_NEXT(each, left)) {
        const ByteView value(static_cast<const std::byte*>(RTA_DATA(each)), RTA_PAYLOAD(each));
        if (each->rta_type == RTA_OIF && value.size() == sizeof answer.route.interface)
            std::memcpy(&answer.route.interface, value.data(), value.size());
        if (each->rta_type == RTA_PREFSRC) answer.source = Address::from_bytes(value);
        if (each->rta_type == RTA_GATEWAY) answer.route.gateway = Address::from_bytes(value);
        if (each->rta_type == RTA_VIA && value.size() > sizeof(rtvia))
            answer.route.gateway = Address::from_bytes(value.subspan(sizeof(rtvia)));
    }
    return answer;
}

std::optional<Answer> ask(const Address& to, const LocalBinding& binding) {
    const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (socket < 0) return std::nullopt;
    RouteQuery query;
    query.header.nlmsg_type = RTM_GETROUTE;
    query.header.nlmsg_flags = NLM_F_REQUEST;
    query.route.rtm_family = to.is_v4() ? AF_INET : AF_INET6;
    query.route.rtm_dst_len = static_cast<unsigned char>(8 * to.bytes().size());
    query.add(RTA_DST, to.bytes());
    if (!binding.device.empty()) {
        const unsigned interface = if_nametoindex(binding.device.c_str());
        query.add(RTA_OIF, std::as_bytes(std::span(&interface, 1)));
    }
    std::optional<Answer> answer;
    alignas(nlmsghdr) std::array<std::byte, 4096> reply;
    // The kernel has answered by the time that send() returns.
    if (send(socket, &query.header, query.header.nlmsg_len, 0) >= 0)
        if (const ssize_t size = recv(socket, reply.data(), reply.size(), MSG_DONTWAIT); size > 0)
            answer = parse(reinterpret_cast<nlmsghdr*>(reply.data()), static_cast<std::size_t>(size));
    close(socket);
    return answer;
}

}  // namespace

bool is_broken(const NetworkPath& path, const Routing& routing) {
    return !routing.has_address(path.local) || routing.route_to(path.remote) != path.route;
}

bool KernelRouting::has_address(const Address& address) const {
    const auto answer = ask(address, {});
    return answer && answer->type == RTN_LOCAL;
}

std::optional<Route> KernelRouting::route_to(const Address& address) const {
    const auto answer = ask(address, binding_);
    if (!answer || (answer->type != RTN_UNICAST && answer->type != RTN_LOCAL)) return std::nullopt;
    return answer->route;
}

std::optional<Route> KernelRouting::default_route(AddressFamily family) const {
    return route_to(family == AddressFamily::v4 ? kNowhereV4 : kNowhereV6);
}

std::optional<Address> KernelRouting::default_source(AddressFamily family) const {
    const auto answer = ask(family == AddressFamily::v4 ? kNowhereV4 : kNowhereV6, binding_);
    return answer && answer->type == RTN_UNICAST ? answer->source : std::nullopt;
}

KernelRouting::Snapshot KernelRouting::snapshot() const {
    Snapshot snapshot{{}, default_route(AddressFamily::v4), default_route(AddressFamily::v6)};
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return snapshot;
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
    for (const ifaddrs* entry = list; entry; entry = entry->ifa_next) {
        const sockaddr* raw = entry->ifa_addr;
        std::optional<Address> address;
        if (raw && raw->sa_family == AF_INET)
            address = Address::from_bytes(
                std::as_bytes(std::span(&reinterpret_cast<const sockaddr_in*>(raw)->sin_addr, 1)));
        if (raw && raw->sa_family == AF_INET6)
            address = Address::from_bytes(
                std::as_bytes(std::span(&reinterpret_cast<const sockaddr_in6*>(raw)->sin6_addr, 1)));
        if (address && !address->is_link_local())
            snapshot.addresses.emplace(if_nametoindex(entry->ifa_name), *address);
    }
    return snapshot;
}

}  // namespace btfs::net
