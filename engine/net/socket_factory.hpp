// Factory of all sockets of the process, so that `--bind` binds every one.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/net/local_binding.hpp"
#include "engine/net/multicast_interfaces.hpp"

namespace btfs::net {

/// Makes the process's sockets, for all torrents. With a proxy, all parts but Proxy have a factory that makes
/// none: what does not go through the proxy fails with proxy_only. On the engine thread.
class SocketFactory {
  public:
    explicit SocketFactory(boost::asio::io_context& io, LocalBinding binding = {})
        : io_(io), binding_(std::move(binding)) {}
    struct None {};
    static constexpr None none{};
    /// Makes no sockets.
    SocketFactory(boost::asio::io_context& io, None) : io_(io), makes_none_(true) {}

    boost::asio::io_context& io() { return io_; }

    /// A TCP socket for an outgoing connection, open and non-blocking.
    Result<boost::asio::ip::tcp::socket> tcp(AddressFamily family);
    /// Binds a fresh socket that a library has made, to any port. A system error if that fails, or if the
    /// family may not be used.
    Error bind(int socket, AddressFamily family) const;
    /// Options of every peer connection, dialled or accepted: no delay, short unsent queue, an end when
    /// nothing is acknowledged, non-blocking.
    static void prepare(boost::asio::ip::tcp::socket& socket);
    /// Listens on the addresses of a family that it is bound to: all, as a rule.
    Result<boost::asio::ip::tcp::acceptor> acceptor(AddressFamily family, std::uint16_t port);
    /// A UDP socket on the same addresses; port 0 takes a free one.
    Result<boost::asio::ip::udp::socket> udp(AddressFamily family, std::uint16_t port);
    /// A UDP socket that hears what is sent to a multicast group, where it joins it. Others on this machine
    /// may listen as well, and hear what it sends.
    Result<boost::asio::ip::udp::socket> multicast(const Endpoint& group);
    /// The local networks that it is bound to: all, as a rule, and loopback.
    std::vector<MulticastInterface> multicast_interfaces(AddressFamily family) const;

  private:
    Error bind_device(int socket, AddressFamily family) const;

    boost::asio::io_context& io_;
    const LocalBinding binding_;
    const bool makes_none_ = false;
};

}  // namespace btfs::net
