// Dispatcher: memory and disk space of pieces, which the storage gives or refuses.
#include <vector>

#include "engine/swarm/dispatcher.hpp"

namespace btfs {

void Dispatcher::on_credit() {
    no_credit_ = no_background_credit_ = no_pinned_credit_ = false;
    on_demand_changed();
}

/// Returns the partial piece, begun now if need be. Returns null if the storage has no credit for it. The
/// background is refused sooner than readers are.
PartialPiece* Dispatcher::receiving(PieceIndex piece, Urgency urgency) {
    if (PartialPiece* partial = world_.picker.partial(piece)) {
        if (partial->buffer()->has_room()) return partial;
        no_credit_ = true;
        return nullptr;
    }
    if (world_.picker.state(piece) != PieceState::missing) return nullptr;
    const bool background = urgency == Urgency::background;
    if (background && !may_begin_unread(piece)) return nullptr;
    if (no_credit_ && urgency != Urgency::blocked_read) return nullptr;
    PieceBufferPtr buffer = world_.storage.acquire(piece, urgency);
    if (!buffer && make_room(urgency)) buffer = world_.storage.acquire(piece, urgency);
    if (!buffer) {
        bool& refused = !background                    ? no_credit_
                        : background_.is_pinned(piece) ? no_pinned_credit_
                                                       : no_background_credit_;
        refused = true;
        return nullptr;
    }
    PartialPiece& begun = world_.picker.begin(piece, std::move(buffer));
    if (!begun.complete()) return &begun;
    // The piece is padding only: no peer has to be asked, but it has to be verified like any other.
    world_.storage.verify(piece, world_.picker.start_verifying(piece), false);
    return nullptr;
}

/// Abandons a piece to free its memory: one that no reader wants any more, or, for a blocked read, the one
/// with the least content received. Returns false if there is none.
bool Dispatcher::make_room(Urgency urgency) {
    PartialPiece* victim = nullptr;
    for (const auto& [piece, partial] : world_.picker.partials()) {
        const bool wanted = world_.demand.wants(piece);
        if (!wanted && partial->asked_count() == 0 && !in_background(piece)) {
            victim = partial.get();
            break;
        }
        if (urgency != Urgency::blocked_read || world_.demand.is_blocked_on(piece)) continue;
        if (partial->asked_count() == 0 && (!victim || partial->received_count() < victim->received_count()))
            victim = partial.get();
    }
    if (!victim) return false;
    const PieceIndex piece = victim->piece();
    abandon(piece);
    refresh_offer(piece);
    return true;
}

void Dispatcher::set_pinned(Bitfield pieces) {
    background_.set_pinned(std::move(pieces), world_.picker.had());
    no_pinned_credit_ = false;
    on_demand_changed();
}

void Dispatcher::prefetch(const Bitfield& pieces) {
    background_.add_wanted(pieces, world_.picker.had());
    no_background_credit_ = false;
    on_demand_changed();
}

void Dispatcher::give_up(PieceIndex piece, TimePoint now) {
    PartialPiece* const partial = world_.picker.partial(piece);
    if (!partial) return;
    for (std::uint32_t block = 0; partial->asked_count() > 0 && block < partial->block_count(); ++block) {
        const std::vector<Asker> askers(partial->askers(block).begin(), partial->askers(block).end());
        for (const Asker& asker : askers) {
            const auto peer = world_.peers.find(asker.peer);
            if (peer == world_.peers.end()) continue;
            release_block(*peer->second, partial->payload(block));
            peer->second->session.cancel(partial->payload(block), now);
        }
    }
    abandon(piece);
}

void Dispatcher::give_up_unwanted() {
    std::vector<PieceIndex> unwanted;
    for (const auto& [piece, partial] : world_.picker.partials())
        if (partial->asked_count() == 0 && !world_.demand.wants(piece)) unwanted.push_back(piece);
    for (const PieceIndex piece : unwanted) {
        abandon(piece);
        refresh_offer(piece);
    }
}

void Dispatcher::give_up_empty() {
    std::vector<PieceIndex> empty;
    for (const auto& [piece, partial] : world_.picker.partials())
        if (partial->asked_count() == 0 && partial->received_count() == 0) empty.push_back(piece);
    for (const PieceIndex piece : empty) {
        abandon(piece);
        refresh_offer(piece);
    }
}

void Dispatcher::abandon(PieceIndex piece) {
    trade_.on_ended(piece);
    world_.picker.abandon(piece);
}

}  // namespace btfs
