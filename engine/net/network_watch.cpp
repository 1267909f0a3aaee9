#include "engine/net/network_watch.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cerrno>

#include "engine/net/system_error.hpp"

namespace btfs::net {

NetworkWatch::NetworkWatch(boost::asio::io_context& io, const KernelRouting& routing, OnChange on_change)
    : routing_(routing), on_change_(std::move(on_change)), socket_(io), timer_(io) {}

Error NetworkWatch::open() {
    const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (socket < 0) return last_error();
    sockaddr_nl groups{};
    groups.nl_family = AF_NETLINK;
    groups.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
    if (bind(socket, reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0) {
        const Error error = last_error();
        ::close(socket);
        return error;
    }
    socket_.assign(socket);
    known_ = routing_.snapshot();
    wait();
    return {};
}

void NetworkWatch::close() {
    Error ignored;
    socket_.close(ignored);
    timer_.cancel();
}

void NetworkWatch::wait() {
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](Error error) {
        if (error || !socket_.is_open()) return;
        while (read_one()) {
        }
        debounce_.handle_event(Clock::now());
        arm_timer();
        wait();
    });
}

bool NetworkWatch::read_one() {
    std::array<std::byte, 8192> message;  // its content does not matter
    const ssize_t size = recv(socket_.native_handle(), message.data(), message.size(), MSG_DONTWAIT);
    return size > 0 || (size < 0 && (errno == ENOBUFS || errno == EINTR));  // ENOBUFS: some were lost
}

void NetworkWatch::arm_timer() {
    timer_.expires_at(debounce_.due());
    timer_.async_wait([this](Error error) {
        if (error || !debounce_.take(Clock::now())) return;
        auto now = routing_.snapshot();
        if (now == known_) return;
        known_ = std::move(now);
        on_change_();
    });
}

}  // namespace btfs::net
