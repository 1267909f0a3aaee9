#include "engine/net/socket_factory.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>

#include "engine/net/asio_endpoint.hpp"
#include "engine/net/system_error.hpp"

namespace btfs::net {
namespace {

namespace ip = boost::asio::ip;

/// Unsent bytes in the kernel beyond which a socket is not writable: requests must not queue behind uploads.
constexpr int kUnsentLowWater = 32 * 1024;
/// A connection fails if the peer acknowledges none of the bytes that we sent for this long; without the
/// option the kernel retransmits for a quarter of an hour. A receive window that stays closed counts as
/// silence, so the time is longer than a peer under a rate limit stops reading.
constexpr unsigned kUnacknowledgedTimeout = 30'000;  // ms
/// Multicast datagrams do not leave the local network.
constexpr int kMulticastHops = 1;

template <class Protocol>
Protocol protocol_of(AddressFamily family) {
    return family == AddressFamily::v4 ? Protocol::v4() : Protocol::v6();
}

template <class Protocol>
typename Protocol::endpoint local_endpoint(const LocalBinding& binding, AddressFamily family,
                                           std::uint16_t port) {
    const std::optional<Address>& address = family == AddressFamily::v4 ? binding.v4 : binding.v6;
    if (address) return to_asio<Protocol>(Endpoint{*address, port});
    return {protocol_of<Protocol>(family), port};
}

/// Limits a socket to the groups that it has joined itself. By default Linux gives it the datagrams of every
/// group that any socket of the machine has joined.
Error hear_only_what_is_joined(int socket, AddressFamily family) {
    const int others = 0;
    const bool v4 = family == AddressFamily::v4;
    if (setsockopt(socket, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MULTICAST_ALL : IPV6_MULTICAST_ALL,
                   &others, sizeof others) != 0)
        return last_error();
    return {};
}

}  // namespace

Error SocketFactory::bind_device(int socket, AddressFamily family) const {
    if (makes_none_) return Errc::proxy_only;
    if (!binding_.allows(family)) return {EAFNOSUPPORT, boost::system::system_category()};
    const std::string& device = binding_.device;
    if (!device.empty() && setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, device.data(),
                                      static_cast<socklen_t>(device.size())) != 0)
        return last_error();
    return {};
}

Error SocketFactory::bind(int socket, AddressFamily family) const {
    if (Error error = bind_device(socket, family)) return error;
    const bool to_address = family == AddressFamily::v4 ? binding_.v4.has_value() : binding_.v6.has_value();
    if (!to_address) return {};
    const auto endpoint = local_endpoint<ip::tcp>(binding_, family, 0);
    if (::bind(socket, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) return last_error();
    return {};
}

Result<ip::tcp::socket> SocketFactory::tcp(AddressFamily family) {
    if (makes_none_) return Errc::proxy_only;
    ip::tcp::socket socket(io_);
    Error error;
    socket.open(protocol_of<ip::tcp>(family), error);
    if (!error) error = bind(socket.native_handle(), family);
    if (error) return error;
    prepare(socket);
    return socket;
}

void SocketFactory::prepare(ip::tcp::socket& socket) {
    Error ignored;  // without the option the socket is slower, but works
    socket.set_option(ip::tcp::no_delay(true), ignored);
    socket.non_blocking(true, ignored);
    const int unsent = kUnsentLowWater;
    (void)setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    const unsigned timeout = kUnacknowledgedTimeout;
    (void)setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
}

Result<ip::tcp::acceptor> SocketFactory::acceptor(AddressFamily family, std::uint16_t port) {
    if (makes_none_) return Errc::proxy_only;
    ip::tcp::acceptor acceptor(io_);
    Error error;
    acceptor.open(protocol_of<ip::tcp>(family), error);
    if (!error) acceptor.set_option(ip::tcp::acceptor::reuse_address(true), error);
    if (!error && family == AddressFamily::v6) acceptor.set_option(ip::v6_only(true), error);
    if (!error) error = bind_device(acceptor.native_handle(), family);
    if (!error) acceptor.bind(local_endpoint<ip::tcp>(binding_, family, port), error);
    if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
    if (!error) acceptor.non_blocking(true, error);
    if (error) return error;
    return acceptor;
}

Result<ip::udp::socket> SocketFactory::udp(AddressFamily family, std::uint16_t port) {
    if (makes_none_) return Errc::proxy_only;
    ip::udp::socket socket(io_);
    Error error;
    socket.open(protocol_of<ip::udp>(family), error);
    if (!error && family == AddressFamily::v6) socket.set_option(ip::v6_only(true), error);
    if (!error) error = bind_device(socket.native_handle(), family);
    if (!error) socket.bind(local_endpoint<ip::udp>(binding_, family, port), error);
    if (!error) socket.non_blocking(true, error);
    if (error) return error;
    return socket;
}

Result<ip::udp::socket> SocketFactory::multicast(const Endpoint& group) {
    if (makes_none_) return Errc::proxy_only;
    const AddressFamily family = group.address.family();
    ip::udp::socket socket(io_);
    Error error;
    socket.open(protocol_of<ip::udp>(family), error);
    if (!error) socket.set_option(ip::udp::socket::reuse_address(true), error);
    if (!error) socket.set_option(ip::multicast::hops(kMulticastHops), error);
    if (!error) socket.set_option(ip::multicast::enable_loopback(true), error);
    if (!error) error = bind_device(socket.native_handle(), family);
    if (!error) error = hear_only_what_is_joined(socket.native_handle(), family);
    if (!error) socket.bind(to_asio<ip::udp>(group), error);
    if (!error) socket.non_blocking(true, error);
    if (error) return error;
    return socket;
}

std::vector<MulticastInterface> SocketFactory::multicast_interfaces(AddressFamily family) const {
    if (makes_none_) return {};
    return net::multicast_interfaces(family, binding_);
}

}  // namespace btfs::net
