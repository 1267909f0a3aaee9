#include "engine/net/multicast_socket.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>

#include "engine/net/asio_endpoint.hpp"

namespace btfs::net {

using boost::asio::ip::udp;

Error MulticastSocket::open() {
    if (socket_) return {};
    auto opened = sockets_.multicast(group_);
    if (!opened) return opened.error();
    socket_ = std::move(*opened);
    wait();
    return {};
}

Error MulticastSocket::send(ByteView datagram) {
    if (Error error = open()) return error;
    for (const MulticastInterface& interface : sockets_.multicast_interfaces(group_.address.family())) {
        join(interface);
        send(datagram, interface);
    }
    return {};
}

/// Joins the group on the interface. The kernel refuses a second join, which changes nothing.
void MulticastSocket::join(const MulticastInterface& interface) {
    group_req request{};
    request.gr_interface = interface.index;
    const auto group = to_asio<udp>(group_);
    std::memcpy(&request.gr_group, group.data(), group.size());
    const int level = group_.address.is_v4() ? IPPROTO_IP : IPPROTO_IPV6;
    (void)setsockopt(socket_->native_handle(), level, MCAST_JOIN_GROUP, &request, sizeof request);
}

/// Sends by this interface and from its address: receivers dial us at the sender's address.
void MulticastSocket::send(ByteView datagram, const MulticastInterface& interface) {
    auto group = to_asio<udp>(group_);
    iovec bytes{const_cast<std::byte*>(datagram.data()), datagram.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
    msghdr message{};
    message.msg_name = group.data();
    message.msg_namelen = static_cast<socklen_t>(group.size());
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    const ByteView address = interface.address.bytes();
    const auto attach = [&](int level, int type, const auto& info) {
        message.msg_controllen = CMSG_SPACE(sizeof info);
        cmsghdr& header = *CMSG_FIRSTHDR(&message);
        header.cmsg_level = level;
        header.cmsg_type = type;
        header.cmsg_len = CMSG_LEN(sizeof info);
        std::memcpy(CMSG_DATA(&header), &info, sizeof info);
    };
    if (interface.address.is_v4()) {
        in_pktinfo info{};
        info.ipi_ifindex = static_cast<int>(interface.index);
        std::memcpy(&info.ipi_spec_dst, address.data(), address.size());
        attach(IPPROTO_IP, IP_PKTINFO, info);
    } else {
        in6_pktinfo info{};
        info.ipi6_ifindex = interface.index;
        std::memcpy(&info.ipi6_addr, address.data(), address.size());
        attach(IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
    (void)sendmsg(socket_->native_handle(), &message, MSG_NOSIGNAL);
}

void MulticastSocket::wait() {
    socket_->async_wait(udp::socket::wait_read, [this](Error error) {
        if (error || !socket_) return;
        receive_all();
        if (socket_) wait();
    });
}

void MulticastSocket::receive_all() {
    for (int i = 0; i < kDatagramsPerTurn && socket_; ++i) {
        udp::endpoint sender;
        Error error;
        const std::size_t size = socket_->receive_from(boost::asio::buffer(buffer_), sender, 0, error);
        if (error == boost::asio::error::would_block) return;
        if (!error) receive_(from_asio(sender.address()), ByteView(buffer_).first(size));
    }
}

}  // namespace btfs::net
