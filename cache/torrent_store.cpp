#include "cache/torrent_store.hpp"

#include <cassert>
#include <cstring>

#include "cache/records/torrent_files.hpp"
#include "engine/log/log.hpp"

namespace btfs {
namespace {

bool bit(const Bytes& bitmap, std::size_t index) {
    return (std::to_integer<unsigned>(bitmap[index / 8]) >> index % 8 & 1) != 0;
}

}  // namespace

TorrentStore::TorrentStore(StoreSpec spec, std::shared_ptr<Files> files, std::unique_ptr<Claims> claims,
                           const EarlierClaims& earlier, DiskPool& pool, PieceMemory& memory,
                           std::optional<Bound> bound, std::unique_ptr<AdoptedFiles> adopted)
    : spec_(std::move(spec)),
      verifier_(spec_.hashes),
      pool_(pool),
      memory_(memory),
      cache_(spec_.layout),
      data_(files, torrent_file(spec_.identity.cache_key(), kDataEnding),
            bound && bound->frees_parts && earlier.stored.empty() ? spec_.layout.total_size() : 0),
      info_(files, torrent_file(spec_.identity.cache_key(), kInfoEnding), spec_.info),
      claims_(std::move(claims)),
      last_use_(claims_->last_use()),
      adopted_(std::move(adopted)),
      read_ahead_(spec_.layout, cache_),
      first_pass_(spec_.layout.total_size()),
      bound_(bound),
      space_(make_space()),
      uses_(spec_.layout.piece_count(), bound_ ? bound_->earlier.last_used_s : 0),
      pinned_(bound_ && bound_->pinned.size() > 0 ? bound_->pinned : Bitfield(spec_.layout.piece_count())),
      rare_(spec_.layout.piece_count()) {
    load(earlier);
    if (bound_) free_unclaimed();
    adopt();
    if (!bound_) return;
    bound_->closed.opened(spec_.identity.cache_key(), space_->bytes());
    bound_->evictor.count_missing(spec_.layout.total_size() - cache_.bytes_had());
    bound_->evictor.add(*this, spec_.layout.piece_length());
}

void TorrentStore::load(const EarlierClaims& earlier) {
    if (earlier.stored.empty()) return;
    for (PieceIndex piece(0); piece.value() < spec_.layout.piece_count(); piece = piece.next()) {
        const BlockSpan blocks = cache_.whole(piece);
        const std::size_t first = cache_.block_index(piece, 0);
        bool stored = true, doubtful = false;
        for (std::size_t i = first; i < first + blocks.count; ++i) {
            stored = stored && bit(earlier.stored, i);
            doubtful = doubtful || bit(earlier.doubtful, i);
        }
        if (!stored) continue;
        cache_.claim(blocks, doubtful);
        if (space_) space_->set_had_before(piece);
    }
}

// ---- closing ----

TorrentStore::~TorrentStore() {
    close_begin();
    std::unique_lock lock(end_mutex_);
    end_reached_.wait(lock, [this] { return ended_; });
}

void TorrentStore::close_begin(TimePoint sync_until) {
    {
        std::lock_guard lock(end_mutex_);
        if (std::exchange(end_begun_, true)) return;
    }
    events_.detach();
    if (bound_) {
        bound_->evictor.remove(*this);
        bound_->evictor.count_missing(cache_.bytes_had() - spec_.layout.total_size());
    }
    close(Errc::cancelled);
    if (bound_) {
        std::lock_guard lock(keeping_mutex_);
        bound_->evictor.give_back_leased(std::exchange(leased_bytes_, 0));
    }
    carry_out(write_back_.close());  // tries kept pieces again: the disk may have room now
    spills_.close();
    // A running job that delays work sees closed_ and drops that work itself.
    pool_.forget(this);
    memory_.forget(this);
    if (bound_) bound_->budget.forget(this);
    jobs_.when_unused([this, sync_until] {
        pool_.submit_always(DiskWork::verify, [this, sync_until] { finish_now(sync_until); });
    });
}

bool TorrentStore::close_finish(TimePoint deadline) {
    std::unique_lock lock(end_mutex_);
    assert(end_begun_);
    return end_reached_.wait_until(lock, deadline, [this] { return ended_; });
}

/// Runs as the store's last job: syncs the data and marks the claims as clean.
void TorrentStore::finish_now(TimePoint sync_until) {
    if (!claims_->clean()) {
        const DataFile::Synced synced = data_.sync(sync_until);
        Error error;
        if (synced == DataFile::Synced::done) error = claims_->mark_clean(cache_.stored(), cache_.doubtful());
        if (synced == DataFile::Synced::failed) {
            cache_.doubt_all();
            error = claims_->save_doubts(cache_.stored(), cache_.doubtful());
        }
        if (error || synced != DataFile::Synced::done)
            log::warn(
                "cache: {} was not closed cleanly ({}); after a reboot its pieces are checked before they "
                "are "
                "announced",
                spec_.identity.cache_key(),
                synced == DataFile::Synced::unfinished ? "the disk is too slow" : "the disk fails");
    }
    claims_->set_last_use(last_use_.seconds());  // the claims are written for other reasons, too
    if (bound_) bound_->closed.closed(spec_.identity.cache_key(), space_->close());
    // Keeps the lock to the end: the owner may destroy the store as soon as it sees `ended_`.
    std::lock_guard lock(end_mutex_);
    ended_ = true;
    end_reached_.notify_all();
}

/// Wraps work of this store in a job; the store lives at least until the job is done or dropped. Returns an
/// empty task if the store has ended.
Task TorrentStore::job(Task work) {
    auto token = jobs_.use_unless_ended();
    if (!token) return {};
    return [token = std::move(*token), work = std::move(work)]() mutable { work(); };
}

// ---- Storage ----

void TorrentStore::attach(StorageEvents& events) {
    events_.attach(events);
}
void TorrentStore::detach() {
    events_.detach();
}
Bitfield TorrentStore::available() const {
    return cache_.available();
}
Bitfield TorrentStore::unproven() const {
    return cache_.doubtful_pieces();
}
Bitfield TorrentStore::earlier() const {
    return cache_.claimed_pieces();
}

PieceBufferPtr TorrentStore::acquire(PieceIndex piece, Urgency urgency) {
    PieceSpace::Promise space;
    if (space_ && !take_space(piece, urgency, space)) return nullptr;
    return acquire_memory(piece, urgency, std::move(space));
}

bool TorrentStore::spills(PieceIndex piece) const {
    return spec_.layout.piece_size(piece) > memory_.large_pieces().spill_from;
}

PieceBufferPtr TorrentStore::acquire_memory(PieceIndex piece, Urgency urgency, PieceSpace::Promise space) {
    const std::size_t size = spec_.layout.piece_size(piece);
    const MemoryUse use = urgency == Urgency::blocked_read ? MemoryUse::blocked : MemoryUse::ahead;
    if (use == MemoryUse::ahead && !write_back_.admits_ahead()) return nullptr;
    if (spills(piece)) return acquire_spilling(piece, use, std::move(space));
    PieceBufferPtr buffer = memory_.acquire(size, use);
    if (!buffer) {
        wait_for_credit(size, use);
        return nullptr;
    }
    zero_padding(piece, buffer->bytes());
    return with_space(std::move(buffer), std::move(space));
}

/// Ties the space of a piece to its buffer.
PieceBufferPtr TorrentStore::with_space(PieceBufferPtr buffer, PieceSpace::Promise space) {
    if (!space) return buffer;
    PieceBuffer* const content = buffer.get();
    return {content, [buffer = std::move(buffer), space = std::move(space)](PieceBuffer*) mutable {
                buffer.reset();
                space.reset();
            }};
}

PieceBufferPtr TorrentStore::acquire_spilling(PieceIndex piece, MemoryUse use, PieceSpace::Promise space) {
    if (!spills_.may_begin(piece)) return nullptr;
    const std::size_t size = memory_.large_pieces().spill_share;
    std::optional<PieceMemory::Share> share = memory_.reserve(size, use);
    if (!share) {
        wait_for_credit(size, use);
        return nullptr;
    }
    if (space_) space_->set_spills(piece);
    SpillingPiece::Owner owner{[this](Task work) {
                                   if (Task write = job(std::move(work)))
                                       pool_.submit_always(DiskWork::write, std::move(write));
                               },
                               [this] { events_.send([](StorageEvents& events) { events.on_credit(); }); },
                               memory_.large_pieces(), std::move(space)};
    // The memory is fresh, so padding is zero.
    auto received = std::make_shared<SpillingPiece>(spec_.layout.piece_range(piece), data_, std::move(*share),
                                                    std::move(owner));
    spills_.add(piece, received);
    return received;
}

void TorrentStore::zero_padding(PieceIndex piece, std::span<std::byte> content) const {
    const Layout& layout = spec_.layout;
    if (!layout.has_padding()) return;
    const ByteRange whole = layout.piece_range(piece);
    const auto files = layout.files();
    for (std::size_t i = layout.file_at(whole.begin).value(); i < files.size(); ++i) {
        if (files[i].offset_in_torrent >= whole.end) break;
        const ByteRange pad = files[i].range().intersection(whole);
        if (files[i].pad && !pad.empty())
            std::memset(content.data() + (pad.begin - whole.begin), 0, pad.size());
    }
}

void TorrentStore::wait_for_credit(std::size_t size, MemoryUse use) {
    const auto index = static_cast<std::size_t>(use);
    {
        std::lock_guard lock(credit_mutex_);
        if (std::exchange(waits_for_memory_[index], true)) return;
    }
    Task tell = job([this, index] {
        {
            std::lock_guard lock(credit_mutex_);
            waits_for_memory_[index] = false;
        }
        events_.send([](StorageEvents& events) { events.on_credit(); });
    });
    if (!tell) return;
    // Goes through the pool: memory may be freed anywhere, also inside a call of this class.
    memory_.when_free(size, use, this, [this, tell = std::move(tell)]() mutable {
        pool_.submit_always(DiskWork::verify, std::move(tell));
    });
    if (closed_) memory_.forget(this);
}

// ---- received pieces ----

void TorrentStore::verify(PieceIndex piece, PieceBufferPtr buffer, bool want_block_digests) {
    assert(buffer && buffer->bytes().size() == spec_.layout.piece_size(piece));
    if (const std::shared_ptr<SpillingPiece> spilled = spills_.find(piece)) {
        assert(spilled == buffer);
        if (Task work = job([this, piece, spilled, want_block_digests] {
                verify_spilled(piece, spilled, want_block_digests);
            }))
            spilled->when_written(std::move(work));
        return;
    }
    if (Task work = job([this, piece, buffer = std::move(buffer), want_block_digests]() mutable {
            verify_now(piece, std::move(buffer), want_block_digests);
        }))
        pool_.submit_always(DiskWork::verify, std::move(work));
}

void TorrentStore::verify_now(PieceIndex piece, PieceBufferPtr buffer, bool want_block_digests) {
    const ByteView content = buffer->bytes();
    if (!verifier_.matches(piece, content)) {
        std::vector<Sha1Digest> digests = Verifier::block_digests(content);
        events_.send(
            [&](StorageEvents& events) { events.on_mismatch(piece, std::move(buffer), std::move(digests)); });
        return;
    }
    std::vector<Sha1Digest> digests;
    if (want_block_digests) digests = Verifier::block_digests(content);
    publish(piece, std::move(buffer), std::move(digests));
}

void TorrentStore::publish(PieceIndex piece, PieceBufferPtr buffer, std::vector<Sha1Digest> digests) {
    CacheActions actions;
    const bool fresh = cache_.publish(cache_.whole(piece), buffer, actions);
    if (actions.was_adopted) count_adopted_lost(piece);
    if (fresh) arrived(piece);
    // Sent before the readers get their answers, so that a status that they ask for next counts the piece.
    tell_verified(piece, std::move(digests));
    carry_out(std::move(actions), DiskRead::waiting);
    if (fresh) write_later({piece, std::move(buffer)});
}

void TorrentStore::verify_spilled(PieceIndex piece, std::shared_ptr<SpillingPiece> spilled,
                                  bool want_block_digests) {
    if (!spilled->all_written()) {  // the disk failed: from here on a piece in memory
        spills_.forget(piece);
        if (!spilled->bring_back()) return verify_now(piece, std::move(spilled), want_block_digests);
        return fail_spilled(piece);
    }
    const Result<Sha1Digest> digest = spilled->digest();
    std::vector<Sha1Digest> block_digests;
    const bool right = digest && verifier_.matches(piece, *digest);
    if (digest && (!right || want_block_digests)) {
        if (auto digests = spilled->block_digests()) block_digests = std::move(*digests);
    }
    if (!digest || (!right && block_digests.empty())) {
        spills_.forget(piece);
        return fail_spilled(piece);
    }
    if (!right) {
        return events_.send([&](StorageEvents& events) {
            events.on_mismatch(piece, std::move(spilled), std::move(block_digests));
        });
    }
    spills_.forget(piece);
    publish_spilled(piece, std::move(block_digests));
}

/// Blocks of a piece that were written cannot be read back: it is fetched again, and its readers wait for
/// that, but not for ever.
void TorrentStore::fail_spilled(PieceIndex piece) {
    if (!damage_.may_heal(piece, piece)) {
        CacheActions actions;
        cache_.proof_failed(piece, Errc::storage_failed, actions);
        carry_out(std::move(actions), DiskRead::waiting);
    }
    events_.send([&](StorageEvents& events) { events.on_lost(piece); });
}

/// Tells the engine that the piece is had. Another thread may have lost it, and said so, just before: then
/// the engine hears of that once more.
void TorrentStore::tell_verified(PieceIndex piece, std::vector<Sha1Digest> block_digests) {
    events_.send([&](StorageEvents& events) { events.on_verified(piece, std::move(block_digests)); });
    if (!cache_.has(spec_.layout.piece_range(piece)))
        events_.send([&](StorageEvents& events) { events.on_lost(piece); });
}

void TorrentStore::publish_spilled(PieceIndex piece, std::vector<Sha1Digest> block_digests) {
    CacheActions actions;
    const BlockSpan blocks = cache_.whole(piece);
    set_untold(piece, true);
    const bool fresh = cache_.publish_written(blocks, actions);
    if (actions.was_adopted) count_adopted_lost(piece);
    if (fresh) arrived(piece);
    tell_verified(piece, std::move(block_digests));
    set_untold(piece, false);
    carry_out(std::move(actions), DiskRead::waiting);
    if (!fresh) return;
    claim(blocks);
    carry_out(write_back_.on_written(Clock::now()));
    room_may_be_made();
}

// ---- writing ----

void TorrentStore::write_later(WriteBack::Piece piece) {
    if (Task write = job([this, piece]() mutable { write_now(std::move(piece)); }))
        return pool_.submit_always(DiskWork::write, std::move(write));
    lose(piece.index);
}

void TorrentStore::write_now(WriteBack::Piece piece) {
    const BlockSpan blocks = cache_.whole(piece.index);
    const ByteRange range = spec_.layout.piece_range(piece.index);
    Error error = Errc::storage_full;
    if (has_space(piece.index)) error = data_.write(range.begin, piece.buffer->bytes());
    if (error) {
        // Frees the space of a part that was written, unless a claim of the earlier content may still be on
        // file, or somebody reads the data file without our knowledge.
        if (claims_->complete() && !is_held()) data_.punch(range);
        WriteBack::Actions actions = write_back_.on_failed(std::move(piece), Clock::now());
        if (actions.began_to_fail)
            log::warn("cache: cannot write {} ({}); going on from memory, and trying again",
                      spec_.identity.cache_key(), error.message());
        carry_out(std::move(actions));
        if (bound_) room_may_be_made();
        return offer_kept();
    }
    cache_.on_written(blocks);
    piece.buffer.reset();
    claim(blocks);
    carry_out(write_back_.on_written(Clock::now()));
    room_may_be_made();
}

void TorrentStore::carry_out(WriteBack::Actions actions) {
    if (actions.recovered) log::warn("cache: can write {} again", spec_.identity.cache_key());
    for (const WriteBack::Piece& piece : actions.lost) lose(piece.index);
    for (WriteBack::Piece& piece : actions.write) write_later(std::move(piece));
    if (actions.credit) events_.send([](StorageEvents& events) { events.on_credit(); });
    if (!actions.wake) return;
    if (Task wake = job([this] { carry_out(write_back_.handle_timeout(Clock::now())); }))
        pool_.submit_after(*actions.wake - Clock::now(), this, std::move(wake));
    if (closed_) pool_.forget(this);
}

/// Offers the memory of kept pieces: if a blocked read of any torrent is short of memory, the oldest piece is
/// dropped.
void TorrentStore::offer_kept() {
    if (closed_ || !write_back_.keeps_some() || offered_.exchange(true)) return;
    Task drop = job([this] {
        offered_ = false;
        carry_out(write_back_.drop_oldest());
        offer_kept();
    });
    if (!drop) return;
    memory_.when_short(this, [this, drop = std::move(drop)]() mutable {
        pool_.submit_always(DiskWork::verify, std::move(drop));
    });
    if (closed_) memory_.forget(this);
}

// ---- claims and losses ----

/// The blocks are on the disk from now on. What is claimed has a name, so the info dictionary comes first.
void TorrentStore::claim(BlockSpan blocks) {
    keep_info();
    save_claims(blocks);
}

void TorrentStore::keep_info() {
    if (info_.keep() && bound_) bound_->closed.will_write(spec_.info->size());
}

void TorrentStore::note_use() {
    if (!last_use_.note(unix_time())) return;
    if (Task save = job([this] { claims_->set_last_use(last_use_.seconds()); }))
        pool_.submit_always(DiskWork::write, std::move(save));
}

void TorrentStore::save_claims(BlockSpan blocks) {
    const std::size_t first = cache_.block_index(blocks.piece, blocks.first);
    // Without the claim the piece has to be fetched again after a crash. A clean end saves the claim after
    // all.
    if (Error error = claims_->save(first, blocks.count, cache_.stored(), cache_.doubtful()))
        log::debug("cache: claim of piece {} not saved: {}", blocks.piece.value(), error.message());
}

/// A stored piece is lost. In a bounded cache its place is given back, before the engine may fetch it again;
/// but not while somebody reads the data file without our knowledge.
void TorrentStore::lose_stored(PieceIndex piece) {
    if (!space_ || !begin_freeing()) {
        lose(piece);
        return save_claims(cache_.whole(piece));
    }
    CacheActions actions;
    const bool frees = space_->begin_free(piece);
    const bool had = cache_.lose(cache_.whole(piece), actions);
    save_claims(cache_.whole(piece));
    if (had) bound_->evictor.count_missing(spec_.layout.piece_size(piece));
    if (frees) {
        free_on_disk(piece);
        space_->freed(piece);
    } else if (had) {
        space_->gone(piece);  // a buffer of it is held still: freed with that
    }
    end_freeing();
    if (had) events_.send([&](StorageEvents& events) { events.on_lost(piece); });
    // Also if another thread has told that it is lost: until now the engine was refused.
    if (had || frees) events_.send([](StorageEvents& events) { events.on_credit(); });
    carry_out(std::move(actions), DiskRead::waiting);
}

void TorrentStore::lose(PieceIndex piece) {
    CacheActions actions;
    const bool had = cache_.lose(cache_.whole(piece), actions);
    if (had && space_) {
        if (!is_held()) space_->gone(piece);  // else let_go() finds it
        bound_->evictor.count_missing(spec_.layout.piece_size(piece));
    }
    if (had) events_.send([&](StorageEvents& events) { events.on_lost(piece); });
    carry_out(std::move(actions), DiskRead::waiting);
}

}  // namespace btfs
