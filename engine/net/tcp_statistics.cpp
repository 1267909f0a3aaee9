#include "engine/net/tcp_statistics.hpp"

// <netinet/tcp.h>, which Asio includes, has a tcp_info without the shortest round trip. So this file is
// compiled without Asio, and by itself.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>

namespace btfs::net {
namespace {

/// Returns how many bytes of it the kernel has filled.
std::size_t read_info(int socket, tcp_info& info) {
    socklen_t size = sizeof info;
    return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? size : 0;
}

}  // namespace

std::optional<Stream::RoundTrip> tcp_round_trip(int socket) {
    tcp_info info{};
    const bool tells_shortest =
        read_info(socket, info) >= offsetof(tcp_info, tcpi_min_rtt) + sizeof info.tcpi_min_rtt;
    if (!tells_shortest || info.tcpi_rtt == 0) return std::nullopt;
    return Stream::RoundTrip{std::chrono::microseconds(info.tcpi_rtt),
                             std::chrono::microseconds(info.tcpi_min_rtt)};
}

std::optional<Stream::Reception> tcp_reception(int socket) {
    tcp_info info{};
    if (read_info(socket, info) < offsetof(tcp_info, tcpi_rcv_ooopack) + sizeof info.tcpi_rcv_ooopack)
        return std::nullopt;
    return Stream::Reception{info.tcpi_data_segs_in, info.tcpi_rcv_ooopack};
}

}  // namespace btfs::net
