// Endpoints of peers: which to dial next, and when.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/rng.hpp"
#include "engine/core/time.hpp"
#include "engine/mse/encryption.hpp"
#include "engine/swarm/ban_list.hpp"
#include "engine/swarm/dial_manner.hpp"

namespace btfs {

/// BEP 40's canonical priority of the pair of two peers: a CRC32-C over their masked addresses. The same on
/// both sides; higher connects first. Addresses of different families give 0.
std::uint32_t canonical_priority(const Endpoint& a, const Endpoint& b);

/// The source that told us of a peer.
enum class PeerSource : std::uint8_t {
    user,
    tracker,
    kept,  ///< an earlier run, which it gave verified content
    dht,
    pex,
    lsd,
    incoming,  ///< itself, by connecting to us
};

/// True for the sources that a private torrent may take its peers from (BEP 27). What an earlier run has kept
/// for a private torrent came from its trackers and the user.
constexpr bool is_for_private(PeerSource source) {
    return source == PeerSource::user || source == PeerSource::tracker || source == PeerSource::kept;
}

/// Use that a connection was of, when it has ended.
enum class ConnectionUse : std::uint8_t {
    content,  ///< content was exchanged
    nothing,  ///< the peer greeted us, and that was all: a failure like a dial without an answer
    no_need,  ///< we closed it for want of use: it is dialled again late
};

/// How far an outgoing connection came that the peer ended early.
enum class HangUp : std::uint8_t {
    in_encryption,    ///< before the encryption handshake was over: the peer knows nothing of our greeting
    before_greeting,  ///< our greeting was sent, and the peer's did not come
    after_greeting,   ///< right behind the peer's greeting
};

/// Bounded list of the endpoints that peers can be dialled at. Failures back off exponentially and end with
/// the peer forgotten; the user's own peers are never forgotten, and are tried again soon while a reader
/// waits. Candidates come in the order of BEP 40 once our own address is known, else at random, the user's
/// first, then kept ones in the order in which they are added.
///
/// Hearsay is what neither the user nor a tracker nor an earlier run has told: anybody can make up any number
/// of endpoints, or name every port of one victim. So hearsay fills half of the list at most, a failed one
/// makes room for a new one, and of one host only so many endpoints are known.
class PeerList {
  public:
    static constexpr std::size_t kMaxPeers = 4000;
    static constexpr std::size_t kMaxHearsay = kMaxPeers / 2;
    /// Endpoints of one public host (an IPv6 /64 is one) that are known, but for the user's.
    static constexpr std::size_t kMaxPerHost = 8;
    /// The same of a loopback or private address, behind which our own network may have many.
    static constexpr std::size_t kMaxPerLocalHost = 256;
    static constexpr std::size_t kMaxOurselves = 16;
    static constexpr std::uint32_t kMaxFailures = 8;
    static constexpr Duration kFirstRetry = std::chrono::seconds(5);
    static constexpr Duration kLongestRetry = std::chrono::minutes(30);
    /// The longest pause between two dials of a peer of the user's, and the longest while a reader waits.
    static constexpr Duration kLongestUserRetry = std::chrono::seconds(60);
    static constexpr Duration kHurriedRetry = std::chrono::seconds(2);

    /// Rng and bans outlive the list.
    PeerList(Rng& rng, BanList& bans, Encryption encryption = Encryption::allow)
        : rng_(rng), bans_(bans), encryption_(encryption) {}

    /// Gives whether it is new. Addresses that cannot be dialled, banned ones, those beyond the bounds, and
    /// those that a private torrent must not use are not taken.
    bool add(const Endpoint& endpoint, PeerSource source);
    /// Adds a peer that another one told of. One that is not reachable is dialled after the others.
    bool add_from_pex(const Endpoint& endpoint, bool reachable);
    /// A peer that connected to us can be dialled there: known, and counted as connected.
    void add_connected(const Endpoint& endpoint);
    /// The best candidate that may be dialled now; it counts as connected until one of the calls below.
    std::optional<Endpoint> next(TimePoint now);
    /// The time at which next() may have one again; kNever if there is none at all.
    TimePoint next_time() const;

    void on_failed(const Endpoint& endpoint, TimePoint now);
    /// Our own network has no way there: backs off, and is no failure of the peer's.
    void on_unreachable(const Endpoint& endpoint, TimePoint now);
    /// The manner in which to dial this endpoint now: the one that the peer greeted us in last; else
    /// encrypted first if the user prefers that or the peer is said to; of those that the user's rule allows,
    /// one that has not been tried since the last failure or success.
    DialManner begin_dial(const Endpoint& endpoint);
    /// True if the endpoint may be dialled in clear and encrypted at once: the user's rule allows both, and
    /// nothing is known of the peer.
    bool may_contest(const Endpoint& endpoint) const;
    /// The last dial was one in both manners, and this one goes on.
    void on_dial_settled(const Endpoint& endpoint, DialManner manner);
    /// The peer has answered our handshake on the connection that was dialled last.
    void on_greeted(const Endpoint& endpoint);
    /// Somebody says that the peer prefers encryption, or it has connected to us encrypted.
    void on_encryption_told(const Endpoint& endpoint);
    /// Somebody says that the peer takes uTP connections, or we have had one with it.
    void on_utp_told(const Endpoint& endpoint);
    bool is_utp_told(const Endpoint& endpoint) const;
    /// An earlier run was connected in this way: the first dial begins with it.
    void on_kept_way(const Endpoint& endpoint, const KnownWay& way);
    /// The peer is to be dialled now, whoever's turn it is. True if it was not being dialled already: it
    /// counts as connected from now on, as after next().
    bool begin_unasked(const Endpoint& endpoint);
    /// Returns true if dials of the peer have failed, and none is under way.
    bool has_failed(const Endpoint& endpoint) const;
    /// The peer hung up in a handshake, or right behind it. It is tried again at once: in another manner, if
    /// its greeting has not come and there is one that was not tried yet; then once with the handshake alone
    /// (see wants_plain_greeting()), if it has got our greeting. After that it is a failure.
    void on_hung_up(const Endpoint& endpoint, HangUp when, TimePoint now);
    bool wants_plain_greeting(const Endpoint& endpoint) const;
    /// A connection ended that had been greeted.
    void on_closed(const Endpoint& endpoint, ConnectionUse use, TimePoint now);
    /// A reader waits, or none does any more: while one does, the user's peers are tried again soon.
    void set_hurry(bool hurry, TimePoint now);
    /// Our addresses or routes are others now: what failed before may work, and is tried anew at once.
    void on_network_changed(TimePoint now);
    /// There is something to fetch again: peers that there was no need of may be dialled at once.
    void on_need(TimePoint now);

    /// Never again to this host, whatever the port.
    void ban(const Address& address);
    bool is_banned(const Address& address) const { return bans_.contains(address); }
    /// Forgets the endpoints that the IP filter has now.
    void on_filter_changed();
    /// This endpoint leads to ourselves. It is not taken again: peers go on telling us of it.
    void on_ourselves(const Endpoint& endpoint);
    /// True if it is known to lead to ourselves.
    bool is_ourselves(const Endpoint& endpoint) const;
    /// Forgets an endpoint that nobody but an earlier run has told of.
    void forget_kept(const Endpoint& endpoint);
    /// The best source that has told of it; nothing if it is not known.
    std::optional<PeerSource> source_of(const Endpoint& endpoint) const;
    /// The torrent is private: hearsay is forgotten, and not taken any more (BEP 27).
    void become_private();
    bool is_private() const { return is_private_; }
    /// False if a private torrent must not be connected to that peer.
    bool may_dial(const Endpoint& endpoint) const { return !is_private_ || known_.contains(endpoint); }
    void set_own_address(const Endpoint& own) { own_ = own; }

    std::size_t size() const { return known_.size(); }

  private:
    struct Known {
        PeerSource source;
        std::uint32_t failures = 0;
        bool busy = false;  // dialling or connected
        bool plain_greeting = false;
        bool put_off = false;  // there was no need of it
        bool encryption_told = false;
        bool utp_told = false;
        std::optional<DialManner> worked{};
        DialManner dialled{};  // the last dial's
        // Since the last failure or success:
        DialManners tried{};
        std::optional<DialManner> saw_greeting{};  // the last one in which our greeting was sent
        TimePoint ended{};                         // the last dial or connection
        TimePoint next_attempt{};
        std::uint32_t order = 0;  // lower is earlier
    };
    struct Place {
        TimePoint when;
        std::uint32_t order;
        Endpoint endpoint;
        auto operator<=>(const Place&) const = default;
    };
    Known* find(const Endpoint& endpoint);
    std::span<const DialManner> manners_for(const Known& known) const;
    std::optional<DialManner> untried(const Known& known) const;
    static void forget_tries(Known& known);
    bool has_room_for(const Endpoint& endpoint, bool is_hearsay);
    bool add(const Endpoint& endpoint, PeerSource source, bool doubtful);
    void enqueue(const Endpoint& endpoint, Known& known, TimePoint when);
    void dequeue(const Endpoint& endpoint, const Known& known);
    void retry(const Endpoint& endpoint, Known& known, TimePoint now);
    Duration pause_of(const Known& known) const;
    void forget(const Endpoint& endpoint);

    Rng& rng_;
    BanList& bans_;
    const Encryption encryption_;
    std::optional<Endpoint> own_;
    bool is_private_ = false;
    bool hurry_ = false;
    std::uint32_t kept_count_ = 0;  // endpoints of earlier runs that were added
    std::size_t hearsay_ = 0;       // of known_
    std::unordered_map<Endpoint, Known> known_;
    std::map<Address, std::vector<Endpoint>> by_host_;  ///< all of known_
    std::vector<Endpoint> users_;                       ///< of known_
    std::set<Place> queue_;
    std::set<std::pair<std::uint32_t, Endpoint>> failed_hearsay_;  ///< waiting, by failures
    std::deque<Endpoint> ourselves_;                               ///< the last kMaxOurselves of them
};

}  // namespace btfs
