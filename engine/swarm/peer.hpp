// One connected peer of a torrent: its protocol state and what is known of its speed.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "engine/core/rate_meter.hpp"
#include "engine/swarm/connection_id.hpp"
#include "engine/swarm/counted_pieces.hpp"
#include "engine/swarm/peer_estimate.hpp"
#include "engine/swarm/take_limit.hpp"
#include "engine/swarm/transport_trial.hpp"
#include "engine/wire/peer_session.hpp"

namespace btfs {

/// The choker's account of a peer. Totals are of content, in bytes.
struct SlotAccount {
    /// Choked, or unchoked, since; a new connection is choked.
    TimePoint since{};
    /// While we fetch, its waiting time is multiplied by that, 0 to 1, which is drawn anew when it is choked:
    /// else the peers that came first would get the slots of all of us.
    double luck = 1;
    /// The peer is unchoked regardless of what it gave, until then.
    TimePoint optimistic_until{};
    /// Bytes that came from it and went to it in the last rounds; older rounds count less.
    double given = 0, taken = 0;
    /// Totals at the end of the last round, and when it was unchoked.
    std::uint64_t given_before = 0, taken_before = 0;
    std::uint64_t taken_at_unchoke = 0;
    /// Totals of the host's connections that had ended before.
    std::uint64_t given_earlier = 0, taken_earlier = 0;
};

struct Peer {
    Peer(ConnectionId connection, const wire::PeerSession::Config& config, wire::BlockPlaces& places,
         TimePoint now)
        : id(connection), session(config, places, now), estimate(now), connected(now), eager(config.eager) {
        slot.since = now;
    }

    ConnectionId id;
    wire::PeerSession session;
    PeerEstimate estimate;
    TimePoint connected;
    /// Interested went out with our handshake.
    bool eager;
    /// The connection began with an encryption handshake.
    bool encrypted = false;
    /// True for a uTP connection.
    bool utp = false;
    /// The times at which it last choked us, and unchoked us; a choke of less than kShortChoke does not
    /// count.
    TimePoint choked{}, unchoked = kNever;
    static constexpr Duration kShortChoke = std::chrono::seconds(1);
    /// The last account of a TCP connection that brings content.
    TcpReception reception{};
    /// We dialled it because a relay said so (BEP 55): others cannot without one.
    bool punched = false;
    /// It has said by PEX that it had dialled somebody, so of whom it does not say so it has not. libtorrent
    /// never says it.
    bool tells_reachable = false;
    /// True for a web seed: it wants nothing of us, and nothing is owed to it.
    bool is_web_seed = false;
    /// The endpoint to dial it at: as it was dialled, or as an incoming peer says of itself.
    std::optional<Endpoint> dial_endpoint;
    TimePoint last_asked;
    /// The times at which content was last sent to it, and either side was last interested.
    TimePoint last_uploaded{};
    TimePoint last_wanted{};
    /// The connection with the same peer that this one was made to take the place of.
    ConnectionId replaces = kNobody;
    /// There is such a connection for this one. Both stay until one of them serves us.
    bool has_second = false;
    /// Our addresses or routes have changed since it was last heard.
    bool doubtful = false;
    TimePoint redialled{};
    /// How much later than expected its last block came; negative if it was early.
    Duration lateness{};
    /// Hedging's: the oldest block that is asked of it should have come, when it was last looked at.
    bool late = false;
    /// Sends nothing though it was asked: nothing that matters is asked of it until it delivers.
    bool snubbed = false;
    /// The dispatcher's: it is among those that something has changed for, or that found nothing to be asked
    /// for; and when it has to be looked at though nothing changes.
    bool changed = false;
    bool hungry = false;
    TimePoint alarm = kNever;
    /// PieceChoice's: when it was last the first of the leechers that got a piece of a seed.
    TimePoint got_of_seed{};
    /// PieceChoice's: a seed is asked for nothing that no reader wants until then; and since when it has none
    /// of our pieces, kNever while it has some.
    TimePoint rests_until{};
    TimePoint without_ours_since = kNever;
    CountedPieces pieces;
    /// Blocks that it may have and waits for, and whether the store is reading for it.
    std::deque<BlockRef> uploads;
    bool reading_upload = false;
    SlotAccount slot;
    /// Content that came from it, and went to it.
    RateMeter down, up;
    /// The limits of the process hold for it.
    bool limited = false;
    /// The uploader's: bytes that the limit has let through for it, and whether it waits for the limit.
    std::uint64_t upload_granted = 0;
    bool upload_held = false;
    /// The dispatcher's: bytes that the limit has let us request of it.
    std::uint64_t request_granted = 0;
    /// The account of its address, and the bytes in it that count for this connection.
    TakeAccount* account = nullptr;
    std::uint64_t counted_taken = 0;

    bool can_be_asked(PieceIndex piece) const {
        return session.has(piece) && session.may_request(piece) && session.requests().size() < session.reqq();
    }
    /// When a peer that is still in the handshake, or chokes us, should be ready: after a round trip
    /// for the handshakes, and one more for Interested where that waits for them. kNever when it is ready, or
    /// overdue.
    TimePoint ready_at(TimePoint now) const {
        if (session.greeted() && !session.peer_choking()) return kNever;
        const Duration round_trip = estimate.round_trip();
        const TimePoint ready = connected + (eager ? 1 : 2) * round_trip;
        const bool overdue = now > ready + round_trip + kReadySlack;
        return overdue ? kNever : std::max(now, ready);
    }
    static constexpr Duration kReadySlack = std::chrono::milliseconds(20);
    /// Bytes of blocked pieces that are left for it until it is ready or has room; counted anew in each
    /// dispatch.
    std::uint64_t left_for_it = 0;

    Duration delivery_time(std::uint64_t more, TimePoint now) const {
        return estimate.delivery_time(session.requests().bytes() + more, now);
    }
};

/// In the order of connecting, so that everything repeats in a simulation.
using PeerTable = std::map<ConnectionId, std::unique_ptr<Peer>>;

}  // namespace btfs
