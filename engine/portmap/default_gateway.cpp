#include "engine/portmap/default_gateway.hpp"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace btfs::portmap {
namespace {

/// Of nobody (RFC 5737), so that no other route than the default one leads there.
constexpr std::uint32_t kSomewhere = 0xC0000201;  // 192.0.2.1

struct RouteQuestion {
    nlmsghdr header{};
    rtmsg route{};
    rtattr attribute{};
    std::uint32_t destination = htonl(kSomewhere);

    RouteQuestion() {
        header.nlmsg_len = sizeof *this;
        header.nlmsg_type = RTM_GETROUTE;
        header.nlmsg_flags = NLM_F_REQUEST;
        route.rtm_family = AF_INET;
        route.rtm_dst_len = 32;
        attribute.rta_type = RTA_DST;
        attribute.rta_len = RTA_LENGTH(sizeof destination);
    }
};
static_assert(sizeof(RouteQuestion) == NLMSG_LENGTH(sizeof(rtmsg)) + RTA_LENGTH(4), "no padding");

std::optional<Address> gateway_in(nlmsghdr* answer, std::size_t size) {
    if (!NLMSG_OK(answer, size) || answer->nlmsg_type != RTM_NEWROUTE) return std::nullopt;
    auto* route = static_cast<rtmsg*>(NLMSG_DATA(answer));
    auto left = static_cast<int>(RTM_PAYLOAD(answer));
    for (rtattr* attribute = RTM_RTA(route); RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        if (attribute->rta_type != RTA_GATEWAY) continue;
        const auto* bytes = static_cast<const std::byte*>(RTA_DATA(attribute));
        return Address::from_bytes(ByteView(bytes, RTA_PAYLOAD(attribute)));
    }
    return std::nullopt;
}

}  // namespace

std::optional<Address> default_gateway() {
    const int kernel = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (kernel < 0) return std::nullopt;
    const RouteQuestion question;
    alignas(nlmsghdr) std::array<std::byte, 4096> answer;
    ssize_t size = -1;
    if (send(kernel, &question, sizeof question, 0) == sizeof question)
        size = recv(kernel, answer.data(), answer.size(), 0);  // it has answered already
    close(kernel);
    if (size < 0) return std::nullopt;
    return gateway_in(reinterpret_cast<nlmsghdr*>(answer.data()), static_cast<std::size_t>(size));
}

}  // namespace btfs::portmap
