// Socket of a multicast group on all local networks.
#pragma once

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <functional>
#include <optional>

#include "engine/core/endpoint.hpp"
#include "engine/net/socket_factory.hpp"

namespace btfs::net {

/// Opens with the first datagram that is sent. The interfaces are looked up anew with each, and the group is
/// joined on those that have come since. On the engine thread.
class MulticastSocket {
  public:
    using Receive = std::function<void(const Address& from, ByteView)>;

    MulticastSocket(SocketFactory& sockets, const Endpoint& group, Receive receive)
        : sockets_(sockets), group_(group), receive_(std::move(receive)) {}

    /// Once on each interface. Best effort, as UDP is; an error only if there is no socket.
    Error send(ByteView datagram);
    void close() { socket_.reset(); }

  private:
    static constexpr std::size_t kMaxDatagram = 2048;
    static constexpr int kDatagramsPerTurn = 16;

    Error open();
    void join(const MulticastInterface& interface);
    void send(ByteView datagram, const MulticastInterface& interface);
    void wait();
    void receive_all();

    SocketFactory& sockets_;
    const Endpoint group_;
    Receive receive_;
    std::optional<boost::asio::ip::udp::socket> socket_;
    std::array<std::byte, kMaxDatagram> buffer_;
};

}  // namespace btfs::net
