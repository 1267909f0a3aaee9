#include "engine/net/socket_factory.hpp"

#include <netinet/tcp.h>

#include <boost/asio/ip/v6_only.hpp>

namespace btfs::net {
namespace {

namespace ip = boost::asio::ip;

/// Unsent bytes in the kernel beyond which a socket takes no more: requests must not queue behind uploads.
constexpr int kUnsentLowWater = 32 * 1024;

template <class Protocol>
Protocol protocol_of(AddressFamily family) {
    return family == AddressFamily::v4 ? Protocol::v4() : Protocol::v6();
}

}  // namespace

Result<ip::tcp::socket> SocketFactory::tcp(AddressFamily family) {
    ip::tcp::socket socket(io_);
    Error error;
    socket.open(protocol_of<ip::tcp>(family), error);
    if (error) return error;
    prepare(socket);
    return socket;
}

void SocketFactory::prepare(ip::tcp::socket& socket) {
    Error ignored;  // an option that is refused costs speed, not correctness
    socket.set_option(ip::tcp::no_delay(true), ignored);
    socket.non_blocking(true, ignored);
    const int unsent = kUnsentLowWater;
    (void)setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

Result<ip::tcp::acceptor> SocketFactory::acceptor(AddressFamily family, std::uint16_t port) {
    ip::tcp::acceptor acceptor(io_);
    Error error;
    const auto protocol = protocol_of<ip::tcp>(family);
    acceptor.open(protocol, error);
    if (!error) acceptor.set_option(ip::tcp::acceptor::reuse_address(true), error);
    if (!error && family == AddressFamily::v6) acceptor.set_option(ip::v6_only(true), error);
    if (!error) acceptor.bind({protocol, port}, error);
    if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
    if (!error) acceptor.non_blocking(true, error);
    if (error) return error;
    return acceptor;
}

Result<ip::udp::socket> SocketFactory::udp(AddressFamily family, std::uint16_t port) {
    ip::udp::socket socket(io_);
    Error error;
    const auto protocol = protocol_of<ip::udp>(family);
    socket.open(protocol, error);
    if (!error && family == AddressFamily::v6) socket.set_option(ip::v6_only(true), error);
    if (!error) socket.bind({protocol, port}, error);
    if (!error) socket.non_blocking(true, error);
    if (error) return error;
    return socket;
}

}  // namespace btfs::net
