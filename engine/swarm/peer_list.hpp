// Peers that are known by their address: whom to dial next, and whom never again.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>

#include "engine/core/endpoint.hpp"
#include "engine/core/rng.hpp"
#include "engine/core/time.hpp"

namespace btfs {

/// BEP 40's canonical priority of the pair of two peers: a CRC32-C over their masked addresses. The same on
/// both sides; higher connects first. Addresses of different families give 0.
std::uint32_t canonical_priority(const Endpoint& a, const Endpoint& b);

/// Who has told us of a peer.
enum class PeerSource : std::uint8_t {
    user,
    tracker,
    dht,
    pex,
    lsd,
    incoming,  ///< itself, by connecting to us
};

/// True for the sources that a private torrent may take its peers from (BEP 27).
constexpr bool is_for_private(PeerSource source) {
    return source == PeerSource::user || source == PeerSource::tracker;
}

/// Bounded. Failures back off exponentially; fresh candidates come in the order of BEP 40 once our own
/// address is known, else at random.
class PeerList {
  public:
    static constexpr std::size_t kMaxPeers = 4000;
    /// Of them, those that neither the user nor a tracker has told of: anybody can make up any number.
    static constexpr std::size_t kMaxHearsay = kMaxPeers / 2;
    static constexpr std::size_t kMaxOurselves = 16;

    explicit PeerList(Rng& rng) : rng_(rng) {}

    /// Gives whether it is new. Addresses that cannot be dialled, banned ones, those beyond the bounds, and
    /// those that a private torrent must not use are not taken.
    bool add(const Endpoint& endpoint, PeerSource source);
    /// A peer that connected to us can be dialled there: known, and counted as connected.
    void add_connected(const Endpoint& endpoint);
    /// The best candidate that may be dialled now; it counts as connected until one of the calls below.
    std::optional<Endpoint> next(TimePoint now);
    /// When next() may have one again; kNever if there is none at all.
    TimePoint next_time() const;

    void on_failed(const Endpoint& endpoint, TimePoint now);
    /// The peer hung up in the handshake, or right behind it. It is tried once more at once, with the
    /// handshake alone (see wants_plain_greeting()); after that it is a failure.
    void on_hung_up(const Endpoint& endpoint, TimePoint now);
    bool wants_plain_greeting(const Endpoint& endpoint) const;
    /// A connection ended that had worked; `useless` if it need not be tried again soon.
    void on_closed(const Endpoint& endpoint, bool useless, TimePoint now);
    /// Never again to this address, whatever the port.
    void ban(const Address& address);
    bool is_banned(const Address& address) const { return banned_.contains(address); }
    /// This endpoint leads to ourselves. It is not taken again: peers go on telling us of it.
    void on_ourselves(const Endpoint& endpoint);
    /// The torrent is private: whom neither the user nor a tracker has told of is forgotten, and not taken
    /// any more (BEP 27).
    void become_private();
    /// False if a private torrent must not be connected to that peer.
    bool is_private() const { return is_private_; }
    bool may_dial(const Endpoint& endpoint) const { return !is_private_ || known_.contains(endpoint); }
    void set_own_address(const Endpoint& own) { own_ = own; }

    std::size_t size() const { return known_.size(); }

  private:
    struct Known {
        PeerSource source;
        std::uint32_t failures = 0;
        bool busy = false;  // dialling or connected
        bool plain_greeting = false;
        TimePoint next_attempt{};
        std::uint32_t order = 0;  // lower is earlier
    };
    struct Place {
        TimePoint when;
        std::uint32_t order;
        Endpoint endpoint;
        auto operator<=>(const Place&) const = default;
    };
    void enqueue(const Endpoint& endpoint, Known& known, TimePoint when);
    void forget(const Endpoint& endpoint);

    Rng& rng_;
    std::optional<Endpoint> own_;
    bool is_private_ = false;
    std::size_t hearsay_ = 0;  // of known_
    std::unordered_map<Endpoint, Known> known_;
    std::set<Place> queue_;
    std::set<Address> banned_;
    std::deque<Endpoint> ourselves_;  ///< the last kMaxOurselves of them
};

}  // namespace btfs
