#include "engine/swarm/peer_status.hpp"

#include "engine/swarm/peer.hpp"

namespace btfs {

PeerStatus status_of(const Peer& peer, std::size_t piece_count, TimePoint now) {
    const wire::PeerSession& session = peer.session;
    PeerStatus status{.endpoint = session.remote(),
                      .client = session.extended().client,
                      .web_seed = peer.is_web_seed,
                      .utp = peer.utp,
                      .encrypted = peer.encrypted,
                      .incoming = session.direction() == wire::Direction::incoming,
                      .seed = session.is_seed(),
                      .interested_in_us = session.peer_interested(),
                      .interesting = session.am_interested(),
                      .chokes_us = session.peer_choking(),
                      .choked = session.am_choking(),
                      .snubbed = peer.snubbed,
                      .received = session.content_received(),
                      .sent = session.content_sent(),
                      .down = peer.down.bytes_per_second(now),
                      .up = peer.up.bytes_per_second(now),
                      .bytes_asked = session.requests().bytes(),
                      .round_trip_s = seconds(peer.estimate.round_trip())};
    if (status.client.empty() && session.greeted()) status.client = wire::client_tag(session.peer_id());
    if (session.is_seed()) {
        status.pieces = piece_count;
    } else if (const Bitfield* const pieces = session.pieces()) {
        status.pieces = pieces->count();
    }
    return status;
}

}  // namespace btfs
