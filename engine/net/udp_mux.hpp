// Multiplexer of the process's UDP sockets, one for each address family.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/core/datagram.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/net/datagram_io.hpp"
#include "engine/net/datagram_socket.hpp"
#include "engine/net/socket_factory.hpp"
#include "engine/net/udp_relay.hpp"

namespace btfs::net {

/// Receiver of uTP's datagrams. Called on the engine thread; none of these functions may close the sockets.
class UtpReceiver {
  public:
    virtual ~UtpReceiver() = default;
    /// Its bytes stay valid until on_turn_ended().
    virtual void on_utp(const ReceivedDatagram& datagram) = 0;
    /// All that came together has been told.
    virtual void on_turn_ended() = 0;
    /// utp_has_room() is true again.
    virtual void on_writable() = 0;
    /// Nothing listens there, as ICMP says.
    virtual void on_unreachable(const Endpoint& to) = 0;
};

/// On the port that peers are told of, if it is free. A tracker's datagram goes to the subscriber whose
/// transaction it names (BEP 15), uTP's to its receiver. While uTP has none, an attempt to open a connection
/// is refused; nothing else that nobody waits for is answered. An answer leaves from the address that the
/// datagram came to: the sender, and NATs and firewalls on the way, expect the answer from there. With a
/// proxy there are no sockets here: datagrams go over its UdpRelay, or nowhere. On the engine thread.
class UdpMux final : private UdpRelay::Receiver {
  public:
    using Receive = std::function<void(ByteView)>;
    using Subscription = std::uint64_t;
    using ReceiveFrom = std::function<void(const ReceivedDatagram&)>;

    /// With a relay, datagrams go over that. Both outlive this.
    explicit UdpMux(SocketFactory& sockets, UdpRelay* relay = nullptr);

    /// Opens the sockets. A family that is missing here stays closed.
    void open(std::uint16_t port);
    /// Where datagrams come in: over IPv4 if there is that. 0 with a proxy.
    std::uint16_t port() const;
    /// The proxy's; null if there is none.
    const UdpRelay* relay() const { return relay_; }
    /// Called when datagrams can go through the proxy, each time anew.
    void set_relay_opened(std::function<void()> opened) { relay_opened_ = std::move(opened); }
    /// Best effort, as UDP is; an error only if there is no socket of that family, or no relay. `from`: our
    /// address that it leaves from; unspecified: the kernel chooses.
    Error send(const Endpoint& to, ByteView datagram, const Address& from = {});
    /// For replies to one transaction: of a name's stand-in from any address. Of two subscribers to the same
    /// one, the older gets them. Never 0.
    Subscription subscribe(const Endpoint& from, std::uint32_t transaction, Receive receive);
    /// Unknown ones are ignored.
    void unsubscribe(Subscription subscription);
    /// DHT messages from anybody: they are dictionaries, and nothing else that comes begins like one.
    void receive_krpc(ReceiveFrom receive) { krpc_ = std::move(receive); }

    /// uTP's datagrams from anybody; null: nobody's. The receiver outlives the sockets or is taken away.
    void receive_utp(UtpReceiver* receiver) { utp_ = receiver; }
    /// Leaves with flush_utp(), until which the bytes stay valid. What the socket does not take waits.
    void send_utp(const Endpoint& to, ByteView datagram, Cutting cutting, const Address& from);
    void flush_utp();
    bool utp_has_room() const;

    static constexpr std::size_t kMaxDatagram = DatagramReceiver::kMaxDatagram;
    /// Read before other events of the loop have their turn.
    static constexpr std::size_t kDatagramsPerTurn = 64;

  private:
    struct Opened {
        Opened(DatagramSocket::Socket opened, AddressFamily family,
               std::function<DatagramSocket::Turn()> turn);
        DatagramSocket socket;
        DatagramSender sender;
    };
    Error open(AddressFamily family);
    // UdpRelay::Receiver
    void on_relayed(std::span<const ReceivedDatagram> datagrams) override;
    void on_relay_writable() override;
    void on_relay_opened() override;
    bool deliver(const Endpoint& from, ByteView datagram);
    bool deliver_as(const Endpoint& from, std::uint32_t transaction, ByteView datagram);
    void answer_stranger(const ReceivedDatagram& datagram);
    void dispatch(const ReceivedDatagram& datagram);
    void wait_writable(Opened& here);
    DatagramSocket::Turn take_turn(const Opened& here);
    std::optional<Opened>& opened(AddressFamily family) { return open_[family == AddressFamily::v4 ? 0 : 1]; }

    SocketFactory& sockets_;
    UdpRelay* const relay_;  ///< null without a proxy, and with one that relays no datagrams
    std::function<void()> relay_opened_;
    std::uint16_t port_ = 0;
    std::array<std::optional<Opened>, 2> open_;
    struct Awaited {
        Endpoint from;
        std::uint32_t transaction = 0;
        Subscription subscription = 0;
        auto operator<=>(const Awaited&) const = default;
    };
    std::map<Awaited, Receive> subscribers_;
    std::map<Subscription, Awaited> awaited_;  ///< by each subscription
    ReceiveFrom krpc_;
    UtpReceiver* utp_ = nullptr;
    Subscription next_ = 1;
    std::optional<DatagramReceiver> receiver_;  ///< there once a socket is
};

}  // namespace btfs::net
