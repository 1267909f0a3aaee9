// DialRace: one dial of a peer, over TCP, uTP, or both.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "engine/core/time.hpp"
#include "engine/mse/handshake.hpp"
#include "engine/net/handshake_exchange.hpp"
#include "engine/net/stream_dial.hpp"
#include "engine/net/transport.hpp"

namespace btfs::net {

class Connector;
class ContestedStream;

/// The first transport that is ready is taken, the other given up. One is ready when it has connected and, if
/// the connection is to be encrypted, that handshake is over: some hosts take TCP connections and close them.
/// uTP that is ready waits kTcpGrace for a TCP that is under way, which is faster and costs less CPU; and uTP
/// that has not connected kTcpGrace after the encryption was refused over TCP will not. Has no time-out of
/// its own. Destroying it gives all up without a call. On the engine thread.
class DialRace {
  public:
    static constexpr Duration kTcpGrace = std::chrono::milliseconds(20);

    /// The stream enciphers by itself, if that was agreed on.
    struct Dialled : StreamDial::Dialled {
        /// The peer's first bytes, deciphered, that came with the end of the encryption handshake.
        Bytes received = {};
        /// The stream, if the peer has not answered yet and it is not settled which connection goes on.
        ContestedStream* contested = nullptr;
    };
    /// The encryption handshake that a connection begins with; nothing: none.
    using Encryption = std::optional<mse::Initiator::Options>;
    /// Called once, and not from inside begin(). May destroy the race. Of two failures
    /// Errc::encryption_refused is told, else the first.
    using Done = std::function<void(Result<Dialled>)>;

    struct Course {
        Transport first = Transport::tcp;  ///< one of them
        /// The other one begins when the first has failed, or so much later; nothing: it takes no part.
        std::optional<Duration> other_after = std::nullopt;
        /// See utp::Connections::connect().
        bool punch = false;
    };

    /// The connector outlives the race.
    DialRace(Connector& connector, const Endpoint& to, Encryption encryption, Done done);
    DialRace(const DialRace&) = delete;
    DialRace& operator=(const DialRace&) = delete;
    void begin(const Course& course);
    /// A transport has connected, and the encryption handshake over it is not over.
    bool is_connected() const { return tcp_.dialled || utp_.dialled; }
    bool has_tcp_connected() const { return has_tcp_connected_; }

  private:
    struct Runner {
        bool runs = false;
        std::unique_ptr<StreamDial> dial = nullptr;     ///< until it is connected
        std::optional<Dialled> dialled = std::nullopt;  ///< once it is connected
        std::optional<mse::Initiator> initiator = std::nullopt;
        std::optional<HandshakeExchange> exchange = std::nullopt;  ///< of the initiator
    };
    Runner& runner(Transport transport) { return transport == Transport::utp ? utp_ : tcp_; }
    void start(Transport transport);
    void start_other();
    void on_failed(Transport transport, Error error);
    void on_tcp_refused();
    void on_connected(Transport transport, StreamDial::Dialled stream);
    void on_encrypted(Transport transport, Error error);
    void on_ready(Transport transport);
    void win(Transport transport);
    void end(Result<Dialled> result);

    Connector& connector_;
    const Endpoint to_;
    const Encryption encryption_;
    Done done_;
    boost::asio::steady_timer timer_;  ///< of the head start, then of the grace
    std::optional<Transport> other_;   ///< that has not begun
    bool punch_ = false;
    Runner tcp_, utp_;
    bool utp_is_ready_ = false;
    bool has_tcp_connected_ = false;
    Error failure_;
    /// Handlers that are queued find out whether this is still there.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace btfs::net
