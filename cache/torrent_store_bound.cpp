// TorrentStore: its part in a bounded cache.
#include <algorithm>

#include "cache/torrent_store.hpp"
#include "engine/log/log.hpp"

namespace btfs {

std::shared_ptr<PieceSpace> TorrentStore::make_space() {
    if (!bound_) return nullptr;
    return std::make_shared<PieceSpace>(bound_->budget, spec_.layout,
                                        [this](PieceIndex piece) { free_later(piece); });
}

/// True: the piece may be received. It has its space then; without one only where nothing can be freed, and
/// what finds no room is kept in memory. Else on_credit() follows when there may be room: for a reader, or a
/// pin, the evictor makes some. They leave room for what somebody waits for; the background waits until there
/// is more than readers need, and than the evictor leaves.
bool TorrentStore::take_space(PieceIndex piece, Urgency urgency, PieceSpace::Promise& space) {
    using Waits = DiskBudget::Waits;
    const bool blocked = urgency == Urgency::blocked_read;
    const bool background = urgency == Urgency::background &&
                            !(is_pinned(piece) && bound_->evictor.pins_may_take(space_->bytes_of(piece)));
    const std::uint64_t left = blocked      ? 0
                               : background ? bound_->evictor.background_reserve()
                                            : bound_->evictor.blocked_reserve();
    const std::uint64_t needed = space_->bytes_of(piece) + left;
    if (blocked || bound_->budget.free() >= needed) {
        const PieceSpace::Taken taken = space_->take(piece, space);
        if (taken != PieceSpace::Taken::no_room) return taken == PieceSpace::Taken::yes;
        if (blocked && !bound_->frees_parts) return true;  // it will be kept in memory, as with a full disk
    }
    wait_for_space(needed, blocked ? Waits::urgently : background ? Waits::for_room : Waits::for_eviction);
    return false;
}

/// True: the piece has its space, or gets it now.
bool TorrentStore::has_space(PieceIndex piece) {
    if (!space_ || space_->holds(piece)) return true;
    PieceSpace::Promise space;
    if (space_->take(piece, space) != PieceSpace::Taken::yes) return false;
    space_->set_had(piece);
    return true;
}

void TorrentStore::wait_for_space(std::uint64_t bytes, DiskBudget::Waits waits) {
    std::atomic<bool>& waiting = waits_for_space_[static_cast<std::size_t>(waits)];
    if (waiting.exchange(true)) return;
    Task tell = job([this, &waiting] {
        waiting = false;
        events_.send([](StorageEvents& events) { events.on_credit(); });
    });
    if (!tell) return;
    // Goes through the pool: space may be given back anywhere, also inside a call of this class.
    bound_->budget.when_free(bytes, waits, this, [this, tell = std::move(tell)]() mutable {
        pool_.submit_always(DiskWork::verify, std::move(tell));
    });
    if (closed_) bound_->budget.forget(this);
}

void TorrentStore::arrived(PieceIndex piece) {
    const ByteRange range = spec_.layout.piece_range(piece);
    first_pass_.arrived(range);
    note_use();
    if (!space_) return;
    if (space_->holds(piece)) space_->set_had(piece);
    bound_->evictor.count_arrived(range.size(), Clock::now());
    touch(range);
}

/// Wakes the evictor if somebody waits for room: what could not be evicted may be worth less by now.
void TorrentStore::room_may_be_made() {
    if (bound_ && bound_->budget.waited_for() > 0) bound_->evictor.wake();
}

void TorrentStore::touch(ByteRange range) {
    if (range.empty()) return;
    const TimePoint now = Clock::now();
    const PieceIndex last = spec_.layout.piece_at(range.end - 1);
    for (PieceIndex piece = spec_.layout.piece_at(range.begin);; piece = piece.next()) {
        uses_.touch(piece, now);
        if (piece == last) break;
    }
}

// ---- readers ----

ReaderDemand TorrentStore::set_reader(ReaderId reader, ReaderDemand demand) {
    if (!bound_) return demand;
    {
        std::lock_guard lock(keeping_mutex_);
        if (demand.idle()) {
            bound_->evictor.count_readers(-static_cast<int>(readers_.erase(reader)));
        } else {
            bound_->evictor.count_readers(readers_.contains(reader) ? 0 : 1);
            const std::uint64_t longest = bound_->evictor.longest_window();
            demand.window.end = std::min(demand.window.end, demand.window.begin + longest);
            readers_[reader] = demand;
        }
    }
    room_may_be_made();
    return demand;
}

void TorrentStore::drop_reader(ReaderId reader) {
    if (bound_) set_reader(reader, {});
}

// ---- pins ----

void TorrentStore::set_pinned(Bitfield pieces) {
    if (!bound_) return;
    {
        std::lock_guard lock(keeping_mutex_);
        pinned_ = std::move(pieces);
    }
    room_may_be_made();
}

bool TorrentStore::is_pinned(PieceIndex piece) const {
    std::lock_guard lock(keeping_mutex_);
    return pinned_.test(piece);
}

bool TorrentStore::lasts(PieceIndex piece) const {
    return !bound_ || is_pinned(piece) || bound_->evictor.lasts(Clock::now());
}

void TorrentStore::set_rare(Bitfield pieces) {
    if (!bound_) return;
    std::lock_guard lock(keeping_mutex_);
    rare_ = std::move(pieces);
}

// ---- eviction ----

void TorrentStore::list_evictable(std::uint32_t owner, std::uint64_t looks_back,
                                  std::vector<EvictionCandidate>& candidates) {
    if (!bound_->frees_parts) return;
    Bitfield pieces = space_->at_rest(), pinned, rare;
    std::vector<ReaderDemand> readers;
    {
        // The rest takes a while, and readers wait for the lock.
        std::lock_guard lock(keeping_mutex_);
        if (held_) return;
        pinned = pinned_;
        rare = rare_;
        for (const auto& [id, demand] : readers_) readers.push_back(demand);
        for (const std::uint32_t piece : evicting_) pieces.clear(PieceIndex(piece));
        for (const PieceIndex piece : untold_) pieces.clear(piece);
    }
    pieces.for_each([&](PieceIndex piece) {
        const BlockSpan blocks = cache_.whole(piece);
        if (!cache_.stored().all(cache_.block_index(piece, 0), blocks.count)) return;  // still in memory
        const std::uint64_t last_used = uses_.last(piece) + (rare.test(piece) ? kRareLasts : 0);
        const Worth worth =
            worth_of(spec_.layout.piece_range(piece), last_used, pinned.test(piece), readers, looks_back);
        candidates.push_back({worth, owner, piece.value(), space_->bytes_of(piece)});
    });
}

void TorrentStore::evict(std::vector<std::uint32_t> pieces) {
    std::uint64_t bytes = 0;
    {
        std::lock_guard lock(keeping_mutex_);
        std::erase_if(pieces, [&](std::uint32_t piece) { return !evicting_.insert(piece).second; });
        for (const std::uint32_t piece : pieces) bytes += space_->bytes_of(PieceIndex(piece));
    }
    leaving_ += bytes;
    Task work = job([this, pieces] {
        evict_now(pieces);
        {
            std::lock_guard lock(keeping_mutex_);
            for (const std::uint32_t piece : pieces) evicting_.erase(piece);
        }
        room_may_be_made();  // what was not there any more has freed nothing
    });
    if (work) pool_.submit_always(DiskWork::write, std::move(work));
}

void TorrentStore::give_up_spare() {
    if (space_->receives_some()) {
        Task tell = job([this] { events_.send([](StorageEvents& events) { events.on_shortage(); }); });
        if (tell) pool_.submit_always(DiskWork::verify, std::move(tell));
    }
    if (!write_back_.keeps_some()) return;
    Task drop = job([this] {
        carry_out(write_back_.drop_oldest());
        room_may_be_made();
    });
    if (drop) pool_.submit_always(DiskWork::verify, std::move(drop));
}

/// The place of a piece cannot be taken until it is free, and claims are withdrawn before that. The engine
/// hears of it last; what it was refused meanwhile it may ask for again then.
void TorrentStore::evict_now(const std::vector<std::uint32_t>& pieces) {
    hold_for_earlier_readers();
    CacheActions actions;
    std::vector<PieceIndex> gone;
    for (const std::uint32_t index : pieces) {
        const PieceIndex piece(index);
        if (begin_evicting(piece)) {
            if (cache_.lose(cache_.whole(piece), actions)) gone.push_back(piece);
            save_claims(cache_.whole(piece));
            bound_->evictor.count_missing(spec_.layout.piece_size(piece));
            free_on_disk(piece);
            leaving_ -= space_->bytes_of(piece);
            space_->freed(piece);
        } else {
            leaving_ -= space_->bytes_of(piece);
        }
    }
    if (!gone.empty()) events_.send([&](StorageEvents& events) { events.on_evicted(gone); });
    events_.send([](StorageEvents& events) { events.on_credit(); });
    carry_out(std::move(actions), DiskRead::waiting);
}

/// False: it is not stored any more, or is being received, or has to stay in its place, or the engine has yet
/// to hear that it is there, and would hear that after it has gone.
bool TorrentStore::begin_evicting(PieceIndex piece) {
    const BlockSpan blocks = cache_.whole(piece);
    std::lock_guard lock(keeping_mutex_);
    const bool stored = cache_.stored().all(cache_.block_index(piece, 0), blocks.count);
    return stored && !held_ && !untold_.contains(piece) && space_->begin_free(piece);
}

void TorrentStore::set_untold(PieceIndex piece, bool untold) {
    if (!bound_) return;
    std::lock_guard lock(keeping_mutex_);
    untold ? void(untold_.insert(piece)) : void(untold_.erase(piece));
}

/// Frees the place of a piece whose claim was withdrawn; a claim that stays on file, since the disk did not
/// take that, is proven before it is believed. The space is given back by the caller even if the disk refuses
/// to free it: else readers would wait for it for ever. What is left there is freed when the torrent is
/// opened next.
void TorrentStore::free_on_disk(PieceIndex piece) {
    const auto is_unused = [this, piece](ByteRange range) {
        range.end = std::min(range.end, spec_.layout.total_size());  // behind the last piece there is nothing
        if (range.empty()) return true;
        const PieceIndex last = spec_.layout.piece_at(range.end - 1);
        for (PieceIndex other = spec_.layout.piece_at(range.begin);; other = other.next()) {
            if (other != piece && space_->holds(other)) return false;
            if (other == last) return true;
        }
    };
    const Error error = data_.free_blocks(spec_.layout.piece_range(piece), is_unused);
    if (error && !warned_of_unfreed_.exchange(true))
        log::warn("cache: the disk does not free parts of {} ({})", spec_.identity.cache_key(),
                  error.message());
}

/// A piece that spilled was given up.
void TorrentStore::free_later(PieceIndex piece) {
    Task work = job([this, piece] {
        free_on_disk(piece);
        space_->freed(piece);
        events_.send([](StorageEvents& events) { events.on_credit(); });
    });
    if (work) pool_.submit_always(DiskWork::write, std::move(work));
}

/// Makes holes of all that no claim covers, if there is more on disk than claims account for: what was
/// written just before a crash would take space that nobody counts. At opening, before anything is fetched.
void TorrentStore::free_unclaimed() {
    std::uint64_t claimed = 0;
    std::vector<ByteRange> holes;
    for (PieceIndex piece(0); piece.value() < spec_.layout.piece_count(); piece = piece.next()) {
        const ByteRange range = spec_.layout.piece_range(piece);
        if (space_->holds(piece)) {
            claimed += space_->bytes_of(piece);
        } else if (!holes.empty() && holes.back().end == range.begin) {
            holes.back().end = range.end;
        } else {
            holes.push_back(range);
        }
    }
    // After a power loss a claim may be back whose content went: it counts for content that nobody claims.
    const bool may_be_wrong = !cache_.doubtful_pieces().none();
    if (bound_->earlier.bytes_on_disk <= claimed && !may_be_wrong) return;
    for (const ByteRange& hole : holes)
        if (data_.punch(hole)) return;
}

}  // namespace btfs
