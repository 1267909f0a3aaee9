// The process's UDP sockets, one for each address family, shared by all who speak UDP.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/net/socket_factory.hpp"

namespace btfs::net {

/// Opened when first used, on the port that peers are told of if it is free. A datagram goes to all who
/// listen to its sender, who tell theirs by what it says; others are dropped. On the engine thread.
class UdpMux {
  public:
    using Receive = std::function<void(ByteView)>;
    using Subscription = std::uint64_t;

    explicit UdpMux(SocketFactory& sockets) : sockets_(sockets) {}

    void set_port(std::uint16_t port) { port_ = port; }
    /// Best effort, as UDP is; an error only if there is no socket of that family.
    Error send(const Endpoint& to, ByteView datagram);
    Subscription subscribe(const Endpoint& from, Receive receive);
    void unsubscribe(Subscription subscription);
    void close();

  private:
    static constexpr std::size_t kMaxDatagram = 65536;
    static constexpr int kDatagramsPerTurn = 64;

    using Socket = boost::asio::ip::udp::socket;
    struct Subscriber {
        Endpoint from;
        Receive receive;
    };

    Error open(AddressFamily family);
    void wait(AddressFamily family);
    void receive_all(Socket& socket);
    std::optional<Socket>& socket(AddressFamily family) { return open_[family == AddressFamily::v4 ? 0 : 1]; }

    SocketFactory& sockets_;
    std::uint16_t port_ = 0;
    std::array<std::optional<Socket>, 2> open_;
    std::map<Subscription, Subscriber> subscribers_;
    Subscription next_ = 1;
    std::vector<std::byte> buffer_;
};

}  // namespace btfs::net
