// All uTP connections of the process: datagrams in, datagrams out.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/core/datagram.hpp"
#include "engine/core/rng.hpp"
#include "engine/core/secret.hpp"
#include "engine/utp/connection.hpp"
#include "engine/utp/memory_budget.hpp"
#include "engine/utp/sink.hpp"
#include "engine/utp/syn_cookies.hpp"
#include "engine/utp/timer_heap.hpp"

namespace btfs::utp {

struct ConnectionsOptions {
    /// Connections at a time, those that linger included. A new one takes the place of the one that has
    /// lingered longest.
    std::size_t max_connections = 1000;
    /// Bytes of buffers of all connections, besides what each is guaranteed.
    std::size_t memory = 64 * 1024 * 1024;
};

/// The machine. It works in turns: receive() for each datagram that is there, then end_turn(), which calls
/// the users, acknowledges and sends. So one acknowledgement answers all that came together, and content goes
/// from the datagrams straight to where the reader wants it.
class Connections {
  public:
    /// Resets for strangers, in a second.
    static constexpr double kResetsPerSecond = 100;
    /// Ids of connections that were opened to us, remembered so that a replay opens none again.
    static constexpr std::size_t kMaxRemembered = 4096;
    /// Notices to one user, and rounds of notices, in one turn.
    static constexpr int kMostNotices = 32, kMostRounds = 16;

    /// Gets a connection that was opened to us, and must set its user or release it.
    using Accept = std::function<void(Connection&)>;

    Connections(Sink& sink, Rng rng, const SecretSource& secret, ConnectionsOptions options = {});
    ~Connections();

    /// Without it, SYNs are answered with resets.
    void set_accept(Accept accept) { accept_ = std::move(accept); }
    /// The user hears on_connected(). Errc::resource_unavailable_try_again if there are too many connections.
    /// `punch`: the peer behind a NAT dials us at the same time (BEP 55). Until its NAT has seen a packet to
    /// us it may say that nothing listens there; the SYN is sent again all the same.
    Result<Connection*> connect(const Endpoint& to, User& user, TimePoint now, bool punch = false);

    /// Its bytes must stay valid until end_turn(). False if it is not uTP's.
    bool receive(const ReceivedDatagram& datagram, TimePoint now);
    void end_turn(TimePoint now);
    void handle_timer(TimePoint now);
    /// The sink has room again.
    void handle_writable(TimePoint now);
    /// ICMP says that nothing listens there.
    void handle_unreachable(const Endpoint& to);
    /// When handle_timer() is to be called.
    TimePoint next_timeout() const { return timers_.next(); }

    std::size_t size() const { return connections_.size(); }

    // ---- for Connection ----
    Sink& sink() { return sink_; }
    MemoryBudget& budget() { return budget_; }
    PacketPool& pool() { return pool_; }
    /// The time of the latest turn.
    TimePoint now() const { return now_; }
    void touch(Connection& connection);
    /// The application has forgotten a connection, which may linger.
    void count_released() { ++released_; }
    /// Sends a packet without content.
    void send_small(const Endpoint& to, PacketHeader header, ByteView selective_ack, const Address& from);

  private:
    struct Key {
        Endpoint remote;
        std::uint16_t receive_id = 0;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const noexcept {
            return std::hash<Endpoint>{}(key.remote) * 65599 + key.receive_id;
        }
    };
    using Small = std::array<std::byte, PacketHeader::kSize + 2 + kMaxSelectiveAck>;

    Connection* find(const Endpoint& from, std::uint16_t receive_id);
    void handle_syn(const ReceivedDatagram& datagram, const Packet& syn, TimePoint now);
    void handle_stranger(const ReceivedDatagram& datagram, const Packet& packet, TimePoint now);
    Connection* accept(const ReceivedDatagram& datagram, const Packet& packet, TimePoint now);
    Connection* reset_target(const Endpoint& from, std::uint16_t id);
    bool has_room() const { return connections_.size() < options_.max_connections || released_ > 0; }
    bool make_room();
    bool may_reset(TimePoint now);
    bool remember(const Key& key, TimePoint now);
    void sink_flush();
    void run_round(TimePoint now);

    Sink& sink_;
    Rng rng_;
    const ConnectionsOptions options_;
    SynCookies cookies_;
    MemoryBudget budget_;
    PacketPool pool_;
    Accept accept_;
    TimePoint now_{};
    bool in_turn_ = false, turn_wanted_ = false;

    std::vector<Connection*> accepted_;  ///< in this turn, not yet announced
    std::vector<Connection*> touched_, round_, settled_;
    TimerHeap<Connection> timers_;
    std::deque<Small> small_;  ///< datagrams that the sink has until flush()
    std::size_t smalls_ = 0;
    double resets_ = kResetsPerSecond;  ///< that may be sent now
    TimePoint resets_at_{};
    struct Remembered {
        Key key;
        TimePoint at;
    };
    std::deque<Remembered> remembered_;
    std::unordered_set<Key, KeyHash> remembered_keys_;
    Connection* last_found_ = nullptr;
    std::size_t released_ = 0;  ///< of connections_
    std::unordered_map<Key, std::unique_ptr<Connection>, KeyHash> connections_;
};

}  // namespace btfs::utp
