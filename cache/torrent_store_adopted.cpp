// TorrentStore: pieces that lie in files of another client, and proofs in the background.
#include <algorithm>

#include "cache/torrent_store.hpp"
#include "engine/log/log.hpp"

namespace btfs {
namespace {

/// Bytes of a piece that are read and hashed at a time, where the piece is too large for memory.
constexpr std::size_t kHashedPart = 256 << 10;
/// A proof in the background waits so many times as long as the one before took.
constexpr int kRestsFor = 4;

}  // namespace

/// At opening: claims what the cache does not have.
void TorrentStore::adopt() {
    if (!adopted_) return;
    const AdoptedFiles::Pieces pieces = adopted_->take_pieces();
    CacheActions nobody_waits;
    pieces.there.for_each_without(Bitfield(pieces.there.size()), [&](PieceIndex piece) {
        cache_.adopt(piece, !pieces.complete.test(piece), nobody_waits);
    });
}

// ---- reading ----

/// Returns true if some piece of the range is adopted.
bool TorrentStore::is_adopted_in(ByteRange range) const {
    bool found = false;
    each_place(range, [&](ByteRange, bool adopted) {
        found = adopted;
        return !found;
    });
    return found;
}

TorrentStore::Fetched TorrentStore::read_adopted(ByteRange range, std::span<std::byte> out) {
    bool cold = false;
    const FileTree::Outcome outcome = adopted_->tree().read(range, out, &cold);
    prefetch(range, cold);
    switch (outcome.state) {
        case FileTree::State::good:
            return Fetched::all;
        case FileTree::State::failed:
            log::warn("data: cannot read {} ({})", adopted_->path_of(outcome.file).string(),
                      outcome.error.message());
            return Fetched::failed;
        case FileTree::State::changed:
        case FileTree::State::gone:
            break;
    }
    if (look_again(outcome)) return Fetched::changed;
    // The file is as it was, and damaged.
    const PieceIndex last = spec_.layout.piece_at(range.end - 1);
    for (PieceIndex p = spec_.layout.piece_at(range.begin); p <= last; p = p.next()) lose_adopted(p);
    return Fetched::changed;
}

/// A file is not as it was when it was looked at. All that was proven of it is proven anew by its next use,
/// what is not there any more is lost, and what has come is adopted. Returns false if the file is as it was
/// after all.
///
/// The order matters to reads that hold no lock: a read that expects the file as it is now has begun after
/// the losses were counted, so it sees them.
bool TorrentStore::look_again(const FileTree::Outcome& outcome) {
    const std::size_t file = outcome.file;
    const AdoptedFiles::PieceSpan span = adopted_->pieces_of(file);
    CacheActions actions;
    std::vector<PieceIndex> lost;
    {
        std::lock_guard lock(looking_again_);
        if (adopted_->tree().seen(file) != outcome.seen) return true;  // another read has noticed it
        for (PieceIndex p = span.first; p <= span.last; p = p.next()) cache_.unprove_adopted(p);
        const AdoptedFiles::Pieces pieces = adopted_->look_again(file);
        const FileTree::SeenPtr now = adopted_->tree().seen(file);
        if (now && outcome.seen && now->path == outcome.seen->path &&
            now->status.untouched_since(outcome.seen->status))
            return false;
        for (PieceIndex p = span.first; p <= span.last; p = p.next()) {
            if (!pieces.there.test(p)) {
                lost.push_back(p);
            } else if (cache_.adopt(p, true, actions) && bound_) {
                bound_->evictor.count_missing(-std::uint64_t{spec_.layout.piece_size(p)});
            }
        }
    }
    if (adopted_->first_complaint_of(file))
        log::warn("data: {} has changed; what is read of it is checked anew",
                  adopted_->path_of(file).string());
    for (const PieceIndex piece : lost) lose_adopted(piece);
    carry_out(std::move(actions), DiskRead::waiting);
    return true;
}

void TorrentStore::lose_adopted(PieceIndex piece) {
    CacheActions actions;
    if (!cache_.lose_adopted(piece, actions)) return;
    count_adopted_lost(piece);
    events_.send([&](StorageEvents& events) { events.on_lost(piece); });
    carry_out(std::move(actions), DiskRead::waiting);
}

void TorrentStore::count_adopted_lost(PieceIndex piece) {
    if (bound_) bound_->evictor.count_missing(spec_.layout.piece_size(piece));
}

// ---- proofs ----

void TorrentStore::prove_adopted(PieceIndex piece, const PieceBufferPtr& buffer) {
    const ByteRange range = spec_.layout.piece_range(piece);
    for (const bool first_try : {true, false}) {
        const std::uint64_t losses = cache_.losses(range);
        if (!cache_.is_adopted(piece)) return;
        const FileTree::Outcome outcome = adopted_->tree().read(range, buffer->bytes());
        const bool settled = adopted_->settled(range);  // asked after the read: it may be another file by now
        if (outcome.state != FileTree::State::good && !may_go_on(piece, outcome, first_try)) return;
        if (outcome.state != FileTree::State::good && first_try) continue;
        const Sha1Digest digest = sha1(buffer->bytes());
        // The file may change in the next moment: a piece that is right now is kept in the cache.
        if (verifier_.matches(piece, digest) && !(settled && outcome.state == FileTree::State::good))
            return keep_copy(piece, buffer);
        return finish_adopted_proof(piece, digest, buffer, losses);
    }
}

/// Deals with a read for a proof that was not good. Returns true if the piece may be read once more or, at
/// the second try, if all bytes were read.
bool TorrentStore::may_go_on(PieceIndex piece, const FileTree::Outcome& outcome, bool first_try) {
    if (outcome.state == FileTree::State::failed) {
        CacheActions actions;
        cache_.proof_failed(piece, Errc::storage_failed, actions);
        carry_out(std::move(actions), DiskRead::waiting);
        return false;
    }
    const bool changed = look_again(outcome);
    if (first_try ? changed : outcome.state == FileTree::State::changed) return true;
    lose_adopted(piece);
    return false;
}

/// A large piece is not held in memory. So while a file of it is being changed it cannot be proven: the piece
/// is lost then, unless it is enough to wait a few times.
void TorrentStore::prove_adopted_stream(PieceIndex piece) {
    const ByteRange range = spec_.layout.piece_range(piece);
    const std::uint64_t losses = cache_.losses(range);
    if (!cache_.is_adopted(piece)) return;
    if (!adopted_->settled(range)) return prove_when_settled(piece);
    Sha1 hash;
    Bytes part(kHashedPart);
    for (std::uint64_t at = range.begin; at < range.end; at += part.size()) {
        if (closed_) return;
        part.resize(std::min<std::size_t>(part.size(), range.end - at));
        const FileTree::Outcome outcome = adopted_->tree().read({at, at + part.size()}, part);
        if (outcome.state != FileTree::State::good) {
            if (!may_go_on(piece, outcome, true)) return;
            if (changing_.may_heal(piece, piece)) return begin_proof(piece);
            return lose_adopted(piece);
        }
        hash.update(part);
    }
    if (!adopted_->settled(range)) return prove_when_settled(piece);
    finish_adopted_proof(piece, hash.finish(), nullptr, losses);
}

void TorrentStore::prove_when_settled(PieceIndex piece) {
    if (Task again = job([this, piece] { prove_now(piece); }))
        pool_.submit_after(adopted_->settles(), this, std::move(again));
    if (closed_) pool_.forget(this);
}

void TorrentStore::finish_adopted_proof(PieceIndex piece, const Sha1Digest& digest,
                                        const PieceBufferPtr& buffer, std::uint64_t losses) {
    if (verifier_.matches(piece, digest)) return end_proof(piece, digest, buffer, losses);
    const std::size_t file = spec_.layout.file_at(spec_.layout.piece_offset_in_torrent(piece)).value();
    if (adopted_->first_complaint_of(file))
        log::warn("data: {} is not what the torrent says, in piece {} and perhaps in others",
                  adopted_->path_of(file).string(), piece.value());
    lose_adopted(piece);
}

/// The piece was read right, from a file that may be changing. It goes on as if it had come from a peer; if
/// there is no space for it, it is lost. Copied, since proofs need their memory: what the disk does not take
/// is kept for a while.
void TorrentStore::keep_copy(PieceIndex piece, const PieceBufferPtr& proof) {
    PieceSpace::Promise space;
    if (write_back_.failing()) return lose_adopted(piece);
    const PieceBufferPtr copy = memory_.acquire(proof->bytes().size(), MemoryUse::ahead);
    if (!copy || (space_ && space_->take(piece, space) != PieceSpace::Taken::yes)) return lose_adopted(piece);
    std::ranges::copy(proof->bytes(), copy->bytes().begin());
    publish(piece, with_space(copy, std::move(space)), {});
}

// ---- proofs in the background ----

void TorrentStore::prove_unproven() {
    if (!proves_unproven_.exchange(true)) prove_next(PieceIndex(0));
}

void TorrentStore::recheck() {
    cache_.unprove_all();
    recheck_->ask(cache_.doubtful_pieces());
    proves_again_ = true;
    prove_unproven();
}

/// Proves the first doubtful piece from `from` on, unless somebody else is about to. Then rests, and goes on.
void TorrentStore::prove_next(PieceIndex from) {
    Task work = job([this, from] {
        if (from == PieceIndex(0)) recheck_->begin_walk();
        recheck_->pass(from);
        const std::optional<PieceIndex> piece = cache_.next_doubtful(from);
        if (!piece || closed_) {
            proves_unproven_ = false;
            // A recheck() before this line has begun no proofs of its own.
            if (!closed_ && proves_again_.exchange(false)) return prove_unproven();
            recheck_->end_walk();
            return;
        }
        const TimePoint begun = Clock::now();
        CacheActions actions;
        cache_.expect(spec_.layout.piece_range(*piece), actions);
        for (const PieceIndex claimed : actions.to_prove) prove_now(claimed);
        Task go_on = job([this, next = piece->next()] { prove_next(next); });
        if (go_on) pool_.submit_after((Clock::now() - begun) * kRestsFor, this, std::move(go_on));
        if (closed_) pool_.forget(this);
    });
    if (work) pool_.submit_always(DiskWork::background, std::move(work));
}

}  // namespace btfs
