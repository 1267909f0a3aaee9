// One uTP connection (BEP 29).
#pragma once

#include <optional>
#include <span>

#include "engine/core/datagram.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"
#include "engine/utp/congestion_window.hpp"
#include "engine/utp/delay_history.hpp"
#include "engine/utp/mtu_search.hpp"
#include "engine/utp/pacer.hpp"
#include "engine/utp/packet.hpp"
#include "engine/utp/receive_queue.hpp"
#include "engine/utp/round_trip.hpp"
#include "engine/utp/send_queue.hpp"
#include "engine/utp/sink.hpp"
#include "engine/utp/timer_heap.hpp"

namespace btfs::utp {

class Connections;

/// Receives the events of an application's connection. Called in turns of Connections alone, not within
/// Connection's own functions; the connection may be released in each.
class User {
  public:
    virtual ~User() = default;
    /// A connection that we opened is there, or has failed.
    virtual void on_connected(Error error) = 0;
    /// End the waits of wait_readable() and wait_writable(). Try again, or the connection has failed.
    virtual void on_readable() = 0;
    virtual void on_writable() = 0;
};

/// Owned by Connections. The application has it until release().
class Connection {
  public:
    /// Bytes that write() takes ahead of what may be sent: as much as one acknowledgement may let go.
    static constexpr std::size_t kLeastAhead = 32 * 1024, kMostAhead = 256 * 1024;
    /// An acknowledgement waits so long for content to go with it, or for another packet to acknowledge.
    static constexpr Duration kAckDelay = std::chrono::milliseconds(20);
    /// The first packets are acknowledged one by one: the sender's window is small.
    static constexpr std::uint64_t kQuickAcks = 16;
    static constexpr Duration kKeepalive = std::chrono::seconds(29);
    /// A packet that has been missing for two round trips and kOverdue was lost again, as a rule: senders
    /// send it a third time after a time-out only. libtorrent begins its time-out (500 ms, looked at every
    /// 500 ms) anew with each packet that we send. So small content waits meanwhile until nothing has left
    /// for kSilence.
    static constexpr Duration kOverdue = std::chrono::milliseconds(100);
    static constexpr Duration kSilence = std::chrono::milliseconds(1200);
    /// Transmissions of a SYN: after 0, 1, 3 and 7 s.
    static constexpr int kMostSyns = 4;
    /// Nothing was acknowledged, or heard while the window is closed, for so long: the connection has failed.
    static constexpr Duration kUnacknowledgedTimeout = std::chrono::seconds(30);
    /// A released connection has so long to send the bytes that wait, in all.
    static constexpr Duration kLinger = std::chrono::seconds(10);
    /// Acknowledgements older than so many packets are not looked at: forged, or far too late.
    static constexpr SequenceIndex kOldAcks = 256;

    enum class State : std::uint8_t { connecting, connected, failed, gone };

    /// One that we open, with `sequence_number` in its SYN.
    Connection(Connections& all, const Endpoint& remote, std::uint16_t id, std::uint16_t sequence_number,
               User* user, bool punch = false);
    /// One that was opened to us by `first`: its initiator sends with `id` + 1 and has proven that it got our
    /// answer. `their_first` is the number of its first content, `our_first` that of ours.
    Connection(Connections& all, const ReceivedDatagram& first, std::uint16_t id, SequenceIndex their_first,
               SequenceIndex our_first, TimePoint now);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // ---- the application's ----
    void set_user(User* user) { user_ = user; }
    /// Returns the number of bytes, 0 if none are there now, Errc::connection_closed at the end of the
    /// stream.
    Result<std::size_t> read(std::span<const iovec> into);
    /// Returns the number of bytes taken, 0 if there is no room now.
    Result<std::size_t> write(std::span<const iovec> from);
    /// on_readable() or on_writable() follows once.
    void wait_readable();
    void wait_writable();
    /// The next content is acknowledged at once.
    void acknowledge_soon() { acknowledges_soon_ = true; }
    /// Closes: what was written is still sent, then the end of the stream. The application forgets it.
    void release();
    const Endpoint& remote() const { return remote_; }
    /// Our address, as the peer knows it, from which all packets leave. Unspecified while it opens, and if
    /// what comes does not tell: then the sink chooses.
    const Address& local() const { return local_; }
    const RoundTrip& round_trip() const { return round_trip_; }
    State state() const { return state_; }
    const CongestionWindow& congestion_window() const { return window_; }
    std::size_t packet_size() const { return mtu_.packet_size(); }

    // ---- for Connections ----
    /// True if the dial goes on though ICMP says that nobody listens there.
    bool punches() const { return punches_; }
    /// The application has forgotten it, and what was written is not all acknowledged.
    bool lingers() const { return released_ && state_ == State::connected; }
    TimePoint released_at() const { return released_at_; }
    std::uint16_t receive_id() const { return receive_id_; }
    std::uint16_t send_id() const { return send_id_; }
    void handle(const Packet& packet, const ReceivedDatagram& datagram, TimePoint now);
    void handle_timer(TimePoint now);
    void fail(Error error);
    /// Tells the user what it waits for. True if it did.
    bool notify();
    bool has_notice() const;
    /// It has something to send that the sink had no room for.
    bool is_blocked() const { return blocked_; }
    void keep_received() {
        if (received_) received_->keep();
    }
    /// Sends what may be sent now, and acknowledges.
    void flush(TimePoint now);
    TimePoint next_timeout();

    TimerHeap<Connection>::Entry timer;  ///< Connections'
    bool touched = false;                ///< Connections': it has its part in this turn

  private:
    bool acknowledge(const Packet& packet, TimePoint arrived_at, TimePoint now);
    void take_delay(const Packet& packet, TimePoint arrived_at, TimePoint now);
    void take_content(const Packet& packet, TimePoint now);
    void handle_reset(const Packet& packet);
    void handle_syn_ack(const Packet& packet, TimePoint now);
    void handle_losses(TimePoint now);
    void time_out(TimePoint now);
    void send_syn(TimePoint now);
    void send_packets(TimePoint now);
    bool may_send(SequenceIndex index, TimePoint now);
    bool keeps_silent(TimePoint now) const;
    void transmit(SequenceIndex index, TimePoint now);
    void send_state(TimePoint now, bool keepalive = false);
    PacketHeader header(PacketType type, TimePoint now) const;
    void acknowledged_now();
    std::size_t ahead() const;
    std::size_t room() const;
    bool readable() const;
    bool writable() const;
    TimePoint loss_probe_at();
    TimePoint window_probe_at() const;

    Connections& all_;
    const Endpoint remote_;
    Address local_;
    const std::uint16_t receive_id_, send_id_;
    User* user_ = nullptr;
    State state_ = State::connecting;
    Error error_;
    bool connected_told_ = true;  ///< the user has heard that it is connected, or did not open it
    bool waits_readable_ = false, waits_writable_ = false;
    bool released_ = false;
    const bool punches_ = false;

    MtuSearch mtu_;
    RoundTrip round_trip_;
    CongestionWindow window_;
    Pacer pacer_;
    DelayHistory our_delay_, their_delay_;
    SendQueue sending_;
    std::optional<ReceiveQueue> received_;  ///< nothing while connecting

    std::uint32_t their_delay_us_ = 0;  ///< of the packet that came last
    std::uint32_t their_window_ = 0;
    std::uint32_t window_told_ = 0;
    std::uint16_t syn_number_ = 0;
    bool window_limited_ = false;  ///< the congestion window keeps packets back
    bool blocked_ = false;         ///< the sink does

    std::uint64_t content_packets_ = 0;
    std::size_t unacknowledged_ = 0;  ///< packets that came since our last acknowledgement
    bool ack_now_ = false, acknowledges_soon_ = false;
    TimePoint ack_at_ = kNever;
    TimePoint heard_at_, sent_at_;
    TimePoint progress_at_;  ///< the time-out counts from here
    TimePoint first_unanswered_at_ = kNever;
    TimePoint held_until_ = kNever;     ///< by the pacer, or by silence
    TimePoint missing_since_ = kNever;  ///< the packet for which the stream waits, with later ones here
    TimePoint closed_window_since_ = kNever;
    TimePoint released_at_ = kNever;
    int timeouts_ = 0;  ///< in a row
    bool loss_probe_sent_ = false;
    int window_probes_ = 0;
    int syns_ = 0;
};

}  // namespace btfs::utp
