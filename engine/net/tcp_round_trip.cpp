#include "engine/net/tcp_round_trip.hpp"

// <netinet/tcp.h>, which Asio includes, has a tcp_info without the shortest round trip. So this file is
// compiled without Asio, and by itself.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>

namespace btfs::net {

std::optional<Stream::RoundTrip> tcp_round_trip(int socket) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
    const bool tells_shortest = size >= offsetof(tcp_info, tcpi_min_rtt) + sizeof info.tcpi_min_rtt;
    if (!tells_shortest || info.tcpi_rtt == 0) return std::nullopt;
    return Stream::RoundTrip{std::chrono::microseconds(info.tcpi_rtt),
                             std::chrono::microseconds(info.tcpi_min_rtt)};
}

}  // namespace btfs::net
