// ContestedStream: one connection with a peer, dialled in several manners at once.
#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <optional>

#include "engine/core/bytes.hpp"
#include "engine/net/dial_race.hpp"
#include "engine/net/stream.hpp"
#include "engine/net/transport.hpp"

namespace btfs::net {

/// Goes on over the connection on which the peer answers first. Some peers take a connection and close it:
/// they speak no TCP, or insist on encryption. A usual dial learns so a round trip after it has connected,
/// and the next one begins from nothing. This one has a connection in clear over each transport and an
/// encrypted one, and sends the same first bytes over all of them.
///
/// So a peer may get the same handshake twice; it closes the later connection as a duplicate. If both
/// transports connect within DialRace::kTcpGrace, TCP's bytes leave first, and an answer over uTP waits so
/// long for one over TCP. Destroying the stream gives all up without a call. On the engine thread.
class ContestedStream final : public Stream {
  public:
    /// Bytes that may be written before the peer has answered.
    static constexpr std::size_t kMaxGreeting = 4096;
    /// Bytes of the peer that are read to learn that it has answered.
    static constexpr std::size_t kReadSize = 2048;

    struct Course {
        Transport transport = Transport::both;  ///< of the connections in clear
        /// The encrypted connection is over TCP, if that takes part. Its initial payload is what will be
        /// written first.
        mse::Initiator::Options encryption;
    };
    /// Called once, when a connection is there or all have failed, and not from inside begin(). The stream
    /// can be used from then on. May destroy it.
    using Connected = std::function<void(Result<Duration> took)>;
    /// Called once, when the peer has answered.
    using Settled = std::function<void(bool utp, bool encrypted)>;

    /// The connector outlives the stream.
    ContestedStream(Connector& connector, const Endpoint& to, Course course, Connected connected);
    void begin();
    void on_settled(Settled settled) { settled_ = std::move(settled); }

    Result<std::size_t> read(std::span<const iovec> into) override;
    Result<std::size_t> write(std::span<const iovec> from) override;
    void set_receive_low_water(std::size_t bytes) override;
    void acknowledge_soon() override;
    std::optional<RoundTrip> round_trip() override;
    std::optional<Reception> reception() override;
    void wait_readable(Ready ready) override;
    void wait_writable(Ready ready) override;
    const Endpoint& remote() const override { return to_; }
    Address local() const override;
    bool is_utp() const override { return winner_ && winner_->transport == Transport::utp; }

  private:
    struct Attempt {
        Attempt(ContestedStream& contest, Transport carrier, DialRace::Encryption encryption);
        bool is_tcp_in_clear() const { return transport == Transport::tcp && !encrypted; }

        const Transport transport;
        const bool encrypted;
        DialRace race;                             ///< of this transport alone
        std::unique_ptr<Stream> stream = nullptr;  ///< once it is connected, and encrypted if it is to be
        std::size_t sent = 0;                      ///< bytes of the greeting
        Bytes received = {};                       ///< the peer's first bytes; the peer has answered
        bool failed = false;
    };
    void on_dialled(Attempt& attempt, Result<DialRace::Dialled> result);
    void greet();
    /// Returns false if bytes of the greeting are left to send, or the connection has failed.
    bool send_greeting(Attempt& attempt);
    void wait_for_answer(Attempt& attempt);
    void on_readable(Attempt& attempt, Error error);
    void on_failed(Attempt& attempt, Error error);
    void wait_for_tcp();
    /// Returns true if TCP in clear may still come first.
    bool tcp_is_awaited(bool to_connect) const;
    void on_tcp_gone();
    void win(Attempt& attempt);
    void fail(Error error);
    void answer_waits();
    void answer_waits_soon();

    Connector& connector_;
    const Endpoint to_;
    const Course course_;
    Connected connected_;
    Settled settled_;
    const TimePoint begun_;
    std::list<Attempt> attempts_;
    Attempt* winner_ = nullptr;  ///< the only one of attempts_
    Bytes greeting_;
    std::size_t received_read_ = 0;    ///< of the winner's
    Error broken_;                     ///< why an attempt has failed, TCP's if there was one
    bool failed_ = false;              ///< all have
    boost::asio::steady_timer timer_;  ///< of the grace for TCP
    bool tcp_is_late_ = false;
    Ready readable_, writable_;  ///< waits until the contest is over
    /// Handlers that are queued find out whether this is still there.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace btfs::net
