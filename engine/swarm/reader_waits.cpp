#include "engine/swarm/reader_waits.hpp"

#include <algorithm>
#include <set>

namespace btfs {
namespace {

std::size_t asker_count(const PartialPiece& partial) {
    std::set<ConnectionId> askers;
    for (std::uint32_t block = 0; block < partial.block_count(); ++block)
        for (const Asker& asker : partial.askers(block)) askers.insert(asker.peer);
    return askers.size();
}

ReaderWait wait_for(PieceIndex piece, const Picker& picker, const PeerTable& peers, AskingHeld held) {
    ReaderWait wait{.piece = piece};
    const PieceState state = picker.state(piece);
    if (state == PieceState::verifying || state == PieceState::had) {
        wait.reason = WaitReason::verifying;
        return wait;
    }
    if (held.paused) {
        wait.reason = WaitReason::paused;
        return wait;
    }
    if (state == PieceState::receiving) wait.peers = asker_count(*picker.partials().at(piece));
    if (wait.peers > 0) {
        wait.reason = WaitReason::asked;
        return wait;
    }
    bool any_greeted = false, any_unchokes = false, any_passes = false;
    for (const auto& [id, peer] : peers) {
        any_greeted |= peer->session.greeted();
        if (!peer->session.has(piece)) continue;
        ++wait.peers;
        any_unchokes |= peer->session.may_request(piece);
        any_passes |= !(held.limit_is_zero && peer->limited);
    }
    wait.reason = peers.empty()     ? WaitReason::no_peers
                  : !any_greeted    ? WaitReason::connecting
                  : wait.peers == 0 ? WaitReason::no_one_has_it
                  : !any_passes     ? WaitReason::limit_is_zero
                  : !any_unchokes   ? WaitReason::all_choke
                  : held.no_room    ? WaitReason::no_room
                                    : WaitReason::peers_busy;
    return wait;
}

}  // namespace

std::vector<ReaderWait> reader_waits(const Demand& demand, const Picker& picker, const PeerTable& peers,
                                     AskingHeld held) {
    std::vector<ReaderWait> waits;
    std::set<ReaderId> seen;
    for (const Deadline& deadline : demand.blocked()) {
        for (const ReaderId reader : demand.blocked_on(deadline.piece)) {
            if (!seen.insert(reader).second) continue;
            waits.push_back(wait_for(deadline.piece, picker, peers, held));
            waits.back().reader = reader;
        }
        if (seen.size() == demand.reader_count()) break;
    }
    return waits;
}

}  // namespace btfs
