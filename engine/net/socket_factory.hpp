// The one place where sockets are made, so that what binds them binds them all.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"

namespace btfs::net {

/// Makes the process's sockets, for all torrents. On the engine thread.
class SocketFactory {
  public:
    explicit SocketFactory(boost::asio::io_context& io) : io_(io) {}

    boost::asio::io_context& io() { return io_; }

    /// A TCP socket for an outgoing connection, open and non-blocking.
    Result<boost::asio::ip::tcp::socket> tcp(AddressFamily family);
    /// Options of every peer connection, dialled or accepted: no delay, short unsent queue, non-blocking.
    static void prepare(boost::asio::ip::tcp::socket& socket);
    /// Listens on all addresses of a family.
    Result<boost::asio::ip::tcp::acceptor> acceptor(AddressFamily family, std::uint16_t port);
    /// A UDP socket on all addresses of a family; port 0 takes a free one.
    Result<boost::asio::ip::udp::socket> udp(AddressFamily family, std::uint16_t port);

  private:
    boost::asio::io_context& io_;
};

}  // namespace btfs::net
