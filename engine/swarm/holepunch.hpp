// Holepunch: brings peers behind NATs together (BEP 55), as relay, initiator and target.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/time.hpp"
#include "engine/swarm/connection_id.hpp"
#include "engine/swarm/peer.hpp"
#include "engine/wire/holepunch_message.hpp"
#include "engine/wire/pex_message.hpp"

namespace btfs {

/// Events that come one each `interval` at most, and `at_once` in a burst.
class Allowance {
  public:
    TimePoint ready_at(Duration interval, int at_once) const { return until_ - (at_once - 1) * interval; }
    void take(Duration interval, TimePoint now) { until_ = std::max(until_, now) + interval; }
    /// True if the whole burst may come at once.
    bool is_full(TimePoint now) const { return until_ <= now; }

  private:
    TimePoint until_{};
};

/// A machine over the table of connected peers. One for each torrent, never for a private one.
///
/// As a relay it answers a rendezvous: both peers are told to dial each other, if both are connected to us.
/// As initiator it remembers which peer told of an endpoint by PEX, and asks that peer for a rendezvous when
/// the dial fails, takes long, or a reader waits. As initiator and target it judges whether the endpoint that
/// a relay names is to be dialled.
///
/// A relay can name any address. So that it cannot aim us at a victim, the endpoints that are dialled are
/// bounded for each relay, for each host whoever names it, and for all. Ports below kLeastPort are no peers'
/// ports behind a NAT, and are not dialled. Addresses of our own network, and our own, are for relays of it.
class Holepunch {
  public:
    // As a relay.
    /// Rendezvous of one peer that are answered, and connects that one target is sent; excess is ignored.
    static constexpr int kRelayedAtOnce = 8;
    static constexpr Duration kRelayInterval = std::chrono::seconds(5);

    // As initiator.
    /// Endpoints that are remembered of what one peer told.
    static constexpr std::size_t kMaxTold = 200;
    /// Rendezvous that one relay is asked for.
    static constexpr int kAskedAtOnce = 4;
    static constexpr Duration kAskInterval = std::chrono::seconds(5);
    /// A dial gets so long before a relay is asked, if the peer is said to be reachable and a reader waits, or
    /// if the peer is not said to be and no reader waits. A relay is asked only after the dial has failed if
    /// the peer is said to be reachable and no reader waits; at once in the fourth case.
    static constexpr Duration kHeadStart = std::chrono::seconds(1);
    /// For one endpoint a rendezvous is asked for so often.
    static constexpr Duration kAskAgain = std::chrono::seconds(30);
    static constexpr std::size_t kMaxAsked = 256;
    /// Endpoints that we would be connected to: those that are dialled, and some that were in vain.
    static constexpr std::size_t kMaxWanted = 256;

    // As initiator and target.
    static constexpr std::uint16_t kLeastPort = 1024;
    /// Endpoints that are dialled on behalf of one relay, at one public host, and in all.
    static constexpr int kOfRelayAtOnce = 8, kOfHostAtOnce = 3, kInAllAtOnce = 32;
    static constexpr Duration kRelayPause = std::chrono::seconds(5);
    static constexpr Duration kHostPause = std::chrono::seconds(20);
    static constexpr Duration kPause = std::chrono::seconds(2);
    /// Hosts that are counted; while there are as many, no other one is dialled.
    static constexpr std::size_t kMaxHosts = 256;

    struct Telling {
        ConnectionId to;
        wire::HolepunchMessage message;
    };

    /// `is_ours` is true of an endpoint that leads to ourselves. The table outlives this.
    Holepunch(const PeerTable& peers, std::function<bool(const Endpoint&)> is_ours)
        : peers_(peers), is_ours_(std::move(is_ours)) {}

    // ---- as a relay ----
    /// A peer asks to be brought together with the one at `target`. Returns what to tell whom.
    std::vector<Telling> handle_rendezvous(ConnectionId from, const Endpoint& target, TimePoint now);

    // ---- as initiator ----
    /// A peer told of another by PEX. `failed`: dials of the other have failed, and none is under way.
    void on_told(ConnectionId teller, const wire::PexPeer& told, bool failed, TimePoint now);
    /// The teller says by PEX that it is not connected to the endpoint any more.
    void on_dropped(ConnectionId teller, const Endpoint& endpoint);
    void on_dial_begun(const Endpoint& endpoint, TimePoint now);
    void on_dial_failed(const Endpoint& endpoint, TimePoint now);
    /// Connected, or the dial was not made.
    void on_dial_ended(const Endpoint& endpoint) { wanted_.erase(endpoint); }
    /// Rendezvous that are due. `hurry`: a reader waits. To be called after each of the others, too.
    std::vector<Telling> take_messages(bool hurry, TimePoint now);
    /// When take_messages() may have something though nothing happens; kNever if never.
    TimePoint next_timeout() const { return next_; }
    /// A relay refuses.
    void handle_error(ConnectionId relay, const Endpoint& target, TimePoint now);

    // ---- as initiator and target ----
    /// A relay says that the endpoint is to be dialled over uTP now. False if it is not, for any of the
    /// reasons above or since the peer is connected. Whether it is banned is not looked at.
    bool handle_connect(ConnectionId relay, const Endpoint& endpoint, TimePoint now);

    void remove_peer(ConnectionId peer) { tellers_.erase(peer), accounts_.erase(peer); }

  private:
    struct Account {
        Allowance relayed, sent, asked, dialled;
    };
    struct Told {
        bool reachable;
    };
    /// An endpoint that we would be connected to.
    struct Wanted {
        TimePoint since{};
        bool failed = false;
    };
    struct Asked {
        ConnectionId relay;
        TimePoint at{};
    };

    const Peer* find(const Endpoint& endpoint) const;
    void want(const Endpoint& endpoint, const Wanted& wanted);
    bool can_relay(ConnectionId teller) const;
    bool is_told_of(const Endpoint& endpoint) const;
    /// When a relay is to be asked for it; kNever if there is none that could be.
    TimePoint due(const Endpoint& endpoint, const Wanted& wanted, bool hurry) const;
    /// The relay that can be asked first, and when.
    std::pair<ConnectionId, TimePoint> relay_for(const Endpoint& endpoint) const;
    bool was_asked_for(const Endpoint& endpoint, TimePoint now);
    bool may_dial_host(const Endpoint& endpoint, TimePoint now);

    const PeerTable& peers_;
    const std::function<bool(const Endpoint&)> is_ours_;
    std::map<ConnectionId, Account> accounts_;
    std::map<ConnectionId, std::map<Endpoint, Told>> tellers_;
    std::map<Endpoint, Wanted> wanted_;
    std::map<Endpoint, Asked> asked_;
    std::map<Address, Allowance> hosts_;
    Allowance in_all_;
    bool changed_ = false;  ///< take_messages() has to look
    bool hurry_ = false;    ///< as it was told last
    TimePoint next_ = kNever;
};

}  // namespace btfs
