// Multiplexer of the process's UDP sockets, one for each address family.
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

/// On the port that peers are told of, if it is free. A tracker's datagram goes to the subscriber whose
/// transaction it names (BEP 15); of what nobody waits for, only an attempt to open a uTP connection is
/// answered. On the engine thread.
class UdpMux {
  public:
    using Receive = std::function<void(ByteView)>;
    using Subscription = std::uint64_t;
    using ReceiveFrom = std::function<void(const Endpoint&, ByteView)>;

    explicit UdpMux(SocketFactory& sockets) : sockets_(sockets) {}

    /// Opens the sockets. A family that is missing here stays closed.
    void open(std::uint16_t port);
    /// Where datagrams come in: over IPv4 if there is that.
    std::uint16_t port() const;
    /// Best effort, as UDP is; an error only if there is no socket of that family.
    Error send(const Endpoint& to, ByteView datagram);
    /// For replies to one transaction. Of two subscribers to the same one, the older gets them. Never 0.
    Subscription subscribe(const Endpoint& from, std::uint32_t transaction, Receive receive);
    /// Unknown ones are ignored.
    void unsubscribe(Subscription subscription);
    /// DHT messages from anybody: they are dictionaries, and nothing else that comes begins like one.
    void receive_krpc(ReceiveFrom receive) { krpc_ = std::move(receive); }

    static constexpr std::size_t kMaxDatagram = 65536;
    /// Read before other events of the loop have their turn.
    static constexpr int kDatagramsPerTurn = 64;

  private:
    using Socket = boost::asio::ip::udp::socket;
    Error open(AddressFamily family);
    bool deliver(const Endpoint& from, ByteView datagram);
    void answer_stranger(const Endpoint& from, ByteView datagram);
    void wait(AddressFamily family);
    void receive_all(Socket& socket);
    std::optional<Socket>& socket(AddressFamily family) { return open_[family == AddressFamily::v4 ? 0 : 1]; }

    SocketFactory& sockets_;
    std::uint16_t port_ = 0;
    std::array<std::optional<Socket>, 2> open_;
    struct Awaited {
        Endpoint from;
        std::uint32_t transaction = 0;
        Subscription subscription = 0;
        auto operator<=>(const Awaited&) const = default;
    };
    std::map<Awaited, Receive> subscribers_;
    std::map<Subscription, Awaited> awaited_;  ///< by each subscription
    ReceiveFrom krpc_;
    Subscription next_ = 1;
    std::vector<std::byte> buffer_;
};

}  // namespace btfs::net
