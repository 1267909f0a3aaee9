// Outgoing peer connections: one dialer for all torrents of the process.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>

#include "engine/core/time.hpp"
#include "engine/net/dial_race.hpp"
#include "engine/net/transport.hpp"
#include "engine/swarm/dial_manner.hpp"

namespace btfs::net {

/// How much a torrent needs its next connection, in rising order.
enum class DialUrgency : std::uint8_t {
    idle,          ///< nobody reads it
    active,        ///< it has readers, fetches its metadata, or downloads in the background
    reader_waits,  ///< a read is blocked
};

/// Connects to peers, at most kMaxHalfOpen at a time. Dials beyond that wait in the queue of their torrent.
/// The next dial is that of the most urgent torrent; torrents of the same urgency take turns. Less urgent
/// torrents may not use all of the half-open connections, so a reader never waits for a dead peer of an idle
/// torrent. A connection that begins with an encryption handshake is half-open until that is over, and both
/// together take kTimeout at most.
///
/// Where the connector has both transports, a dial is a DialRace of TCP, and of uTP too when TCP has failed
/// or kTcpHeadStart is over (at once if a reader waits). Some hosts take TCP connections and close them: a
/// peer that is dialled again soon after TCP had connected is tried over uTP first, or if the connection is
/// to be encrypted over both at once. The transport that is said to be faster (Way::first) goes before these
/// rules. On the engine thread.
class Dialer {
  public:
    static constexpr std::size_t kMaxHalfOpen = 64;
    /// Torrents of lower urgency start no dial while so many connections are half-open.
    static constexpr std::size_t kMaxHalfOpenActive = 48;
    static constexpr std::size_t kMaxHalfOpenIdle = 24;
    static constexpr Duration kTimeout = std::chrono::seconds(8);
    static constexpr Duration kTcpHeadStart = std::chrono::milliseconds(200);
    static constexpr Duration kFasterHeadStart = std::chrono::seconds(1);

    /// Peers of which it is remembered that TCP has connected, and for how long.
    static constexpr std::size_t kMaxTcpTaken = 256;
    static constexpr Duration kTcpTakenFor = std::chrono::seconds(10);

    using Dialled = DialRace::Dialled;
    using Encryption = DialRace::Encryption;
    /// Gets the connection or why there is none; Errc::cancelled if it was not tried,
    /// Errc::encryption_refused if the peer took the connection and did not finish the encryption handshake.
    using Done = std::function<void(Result<Dialled>)>;
    /// Knowledge about the way to a peer.
    struct Way {
        /// Somebody says that it takes uTP connections: both transports begin at once.
        bool utp_told = false;
        /// The one that is said to be faster begins; the other follows when it has failed, or after
        /// kFasterHeadStart.
        FirstTransport first = FirstTransport::usual;
        /// The peer behind a NAT is told to dial us, too (BEP 55): uTP alone, before other dials of the
        /// torrent.
        bool punch = false;
        /// Dials in several manners at once (ContestedStream); this is the encrypted one, the dial's own is
        /// in clear. Through a proxy the dial is a usual one.
        Encryption contest = std::nullopt;
    };
    class Queue;

    explicit Dialer(Connector& connector, Duration timeout = kTimeout);
    /// All queues are gone.
    ~Dialer();

    /// Asked before each dial; without it all may start. While it says no, dials of that urgency wait for
    /// start_waiting().
    void set_admission(std::function<bool(DialUrgency)> may_start) { may_start_ = std::move(may_start); }
    /// Starts what waits and may start.
    void start_waiting();
    /// Ends all dials under way with Errc::cancelled: the network that they began in has gone.
    void cancel_half_open();
    /// The same for dials to the hosts of which this is true. Dials that wait are asked about by
    /// Queue::Wanted.
    void cancel_half_open(const std::function<bool(const Address&)>& is_unwanted);

    std::size_t half_open() const { return half_open_.size(); }

  private:
    struct Waiting {
        Endpoint endpoint;
        Encryption encryption;
        Done done;
        Way way = {};
    };
    struct HalfOpen;

    void start(Queue& queue, Waiting waiting);
    void start_contest(std::uint64_t id, HalfOpen& entry, mse::Initiator::Options encryption);
    DialRace::Course course_of(const Queue& queue, const Waiting& waiting) const;
    bool has_taken_tcp(const Queue& queue, const Endpoint& endpoint) const;
    void finish(std::uint64_t id, Result<Dialled> result);
    void cancel_if(const std::function<bool(const HalfOpen&)>& is_unwanted);
    bool may_start(DialUrgency urgency) const;
    std::list<Queue*>& queues_of(DialUrgency urgency) { return queues_[static_cast<std::size_t>(urgency)]; }

    Connector& connector_;
    const Duration timeout_;
    struct TcpTaken {
        const Queue* by;  ///< the torrent that was connected; others say nothing of what became of it
        Endpoint endpoint;
        TimePoint at;
    };
    std::deque<TcpTaken> tcp_taken_;  ///< the latest last
    std::function<bool(DialUrgency)> may_start_;
    /// Those in which dials wait, in the order of their turns.
    std::array<std::list<Queue*>, 3> queues_;
    std::map<std::uint64_t, std::unique_ptr<HalfOpen>> half_open_;
    std::uint64_t next_id_ = 0;
};

/// The dials of one torrent. Destroying it ends them without a call.
class Dialer::Queue {
  public:
    /// Asked when a dial's turn comes; one that is not wanted any more is cancelled.
    using Wanted = std::function<bool(const Endpoint&)>;

    explicit Queue(Dialer& dialer, Wanted wanted = nullptr) : dialer_(dialer), wanted_(std::move(wanted)) {}
    ~Queue() { clear(); }
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    /// Calls `done` later, never from inside a call of the dialer.
    void dial(const Endpoint& endpoint, Encryption encryption, Done done, const Way& way = {});
    /// Counts for all dials that wait.
    void set_urgency(DialUrgency urgency);
    /// Ends all dials with Errc::cancelled.
    void cancel_all();
    /// Ends all dials without a call.
    void clear();

    std::size_t waiting() const { return waiting_.size(); }

  private:
    friend class Dialer;

    void cancel(Waiting waiting);
    /// Stands in the dialer's list while dials wait.
    void enlist();
    void delist();

    Dialer& dialer_;
    const Wanted wanted_;
    DialUrgency urgency_ = DialUrgency::idle;
    std::deque<Waiting> waiting_;
    bool listed_ = false;
    std::list<Queue*>::iterator place_;
    /// Calls that were posted find out whether this is still there.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace btfs::net
