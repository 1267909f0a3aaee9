// uTP connections as streams, over the sockets of UdpMux.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "engine/net/stream_dial.hpp"
#include "engine/net/udp_mux.hpp"
#include "engine/utp/connections.hpp"

namespace btfs::net {

/// Shell of utp::Connections. On the engine thread. Streams and dials that it gave must be gone before it.
class UtpStreams final : private utp::Sink, private UtpReceiver {
  public:
    UtpStreams(SocketFactory& sockets, UdpMux& udp, utp::ConnectionsOptions options = {});
    ~UtpStreams() override;

    /// Takes connections that peers open to us. Without it, or with null, they are refused.
    using Accepted = std::function<void(std::unique_ptr<Stream>)>;
    void accept(Accepted accepted);

    /// Errors: resource_unavailable_try_again if there are too many connections, network_unreachable if there
    /// is no way to an address of that family. `punch`: see utp::Connections::connect().
    std::unique_ptr<StreamDial> dial(const Endpoint& to, StreamDial::Done done, bool punch = false);

    utp::Connections& connections() { return connections_; }

  private:
    class Dial;
    class UtpStream;

    // utp::Sink
    void send(const Endpoint& to, ByteView datagram, utp::Fragmentation fragmentation,
              const Address& from) override;
    void flush() override { udp_.flush_utp(); }
    bool has_room() const override { return udp_.utp_has_room(); }
    void want_turn() override;
    // UtpReceiver
    void on_utp(const ReceivedDatagram& datagram) override;
    void on_turn_ended() override;
    void on_writable() override;
    void on_unreachable(const Endpoint& to) override;

    Address local_towards(const Endpoint& to);
    std::unique_ptr<Stream> stream_of(utp::Connection& connection);
    void set_timer();

    SocketFactory& sockets_;
    UdpMux& udp_;
    utp::Connections connections_;
    boost::asio::steady_timer timer_;
    TimePoint timer_at_ = kNever;
    bool got_datagrams_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>();
};

}  // namespace btfs::net
