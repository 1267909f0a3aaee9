#include "cache/torrent_store.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "engine/log/log.hpp"

namespace btfs {
namespace {

/// The longest read that ReadSide allows.
constexpr std::size_t kMaxRead = 1 << 20;

/// How long the end of a store may wait for the disk.
constexpr std::chrono::milliseconds kSyncPatience{500};

bool bit(const Bytes& bitmap, std::size_t index) {
    return (std::to_integer<unsigned>(bitmap[index / 8]) >> index % 8 & 1) != 0;
}

/// Memory of the calling thread that answers are put together in; its first touch is paid once.
std::span<std::byte> scratch(std::size_t size) {
    thread_local std::unique_ptr<std::byte[]> memory;
    thread_local std::size_t capacity = 0;
    if (capacity < size) {
        memory.reset(new std::byte[size]);
        capacity = size;
    }
    return {memory.get(), size};
}

}  // namespace

/// Copies an upload's bytes out, since the engine sends them later, and hands them to it.
class TorrentStore::UploadReply final : public ReadReply {
  public:
    UploadReply(EventGate& events, ReadTicket ticket) : events_(events), ticket_(ticket) {}

    void data(std::span<const iovec> bytes) override {
        auto copy = std::make_shared<Bytes>();
        for (const iovec& part : bytes) {
            const auto* begin = static_cast<const std::byte*>(part.iov_base);
            copy->insert(copy->end(), begin, begin + part.iov_len);
        }
        events_.send([&](StorageEvents& events) { events.on_read(ticket_, ContentView{*copy, copy}); });
    }
    void fail(Error error) override {
        events_.send([&](StorageEvents& events) { events.on_read(ticket_, error); });
    }

  private:
    EventGate& events_;
    ReadTicket ticket_;
};

TorrentStore::TorrentStore(StoreSpec spec, std::filesystem::path data_path, std::unique_ptr<Claims> claims,
                           const EarlierClaims& earlier, DiskPool& pool, PieceMemory& memory)
    : spec_(std::move(spec)),
      verifier_(spec_.hashes),
      pool_(pool),
      memory_(memory),
      cache_(spec_.layout),
      data_(std::move(data_path)),
      claims_(std::move(claims)),
      first_pass_(spec_.layout.total_size()) {
    load(earlier);
}

TorrentStore::~TorrentStore() {
    events_.detach();
    close(Errc::cancelled);
    retry_all_writes();  // once more: there may be room by now
    close_spilling();
    do {  // what is under way may yet leave something to be done when there is memory, or later
        pool_.forget(this);
        memory_.forget(this);
    } while (!jobs_.unused_within(std::chrono::milliseconds(5)));
    if (claims_->clean()) return;
    Error error = data_.sync(Clock::now() + kSyncPatience);
    if (!error) error = claims_->mark_clean(cache_.stored(), cache_.doubtful());
    if (error)
        log::warn(
            "cache: {} was not closed cleanly ({}); after a reboot its pieces are checked before they are "
            "announced",
            spec_.identity.cache_key(), error.message());
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
        if (stored) cache_.claim(blocks, doubtful);
    }
}

/// A job of this store: the store lives at least until the job is done or dropped.
Task TorrentStore::job(Task work) {
    return [token = jobs_.use(), work = std::move(work)]() mutable { work(); };
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

PieceBufferPtr TorrentStore::acquire(PieceIndex piece, Urgency urgency) {
    const std::size_t size = spec_.layout.piece_size(piece);
    const MemoryUse use = urgency == Urgency::blocked_read ? MemoryUse::blocked : MemoryUse::ahead;
    if (use == MemoryUse::ahead && !health_.admits_ahead()) {
        wait_for_disk();
        return nullptr;
    }
    if (size > kSpillFrom) return acquire_spilling(piece, use);
    PieceBufferPtr buffer = memory_.acquire(size, use);
    if (!buffer) {
        wait_for_credit(size, use);
        return nullptr;
    }
    zero_padding(piece, buffer->bytes());
    return buffer;
}

PieceBufferPtr TorrentStore::acquire_spilling(PieceIndex piece, MemoryUse use) {
    // The job of an earlier try may still be at the same place of the file.
    const std::shared_ptr<SpillingPiece> earlier = spilling(piece);
    if (earlier && !earlier->give_up()) return nullptr;

    std::optional<PieceMemory::Share> share = memory_.reserve(kSpillShare, use);
    if (!share) {
        wait_for_credit(kSpillShare, use);
        return nullptr;
    }
    SpillingPiece::Owner owner{
        [this](Task work) { pool_.submit_always(DiskWork::write, job(std::move(work))); },
        [this] { events_.send([](StorageEvents& events) { events.on_credit(); }); }};
    // Fresh memory: what is padding is zero.
    auto received = std::make_shared<SpillingPiece>(spec_.layout.piece_range(piece), data_, std::move(*share),
                                                    std::move(owner));
    std::lock_guard lock(spilling_mutex_);
    std::erase_if(spilling_, [](const auto& known) { return known.second.expired(); });
    spilling_[piece] = received;
    return received;
}

void TorrentStore::close_spilling() {
    std::lock_guard lock(spilling_mutex_);
    for (auto& [piece, known] : spilling_)
        if (const auto received = known.lock()) received->close();
}

std::shared_ptr<SpillingPiece> TorrentStore::spilling(PieceIndex piece) {
    std::lock_guard lock(spilling_mutex_);
    const auto found = spilling_.find(piece);
    return found == spilling_.end() ? nullptr : found->second.lock();
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
    // By way of the pool: memory is let go of anywhere, inside of calls of this class too.
    memory_.when_free(size, use, this, [this, tell = std::move(tell)]() mutable {
        pool_.submit_always(DiskWork::verify, std::move(tell));
    });
}

void TorrentStore::wait_for_disk() {
    {
        std::lock_guard lock(credit_mutex_);
        if (std::exchange(waits_for_disk_, true)) return;
    }
    pool_.submit_after(DiskHealth::kRetryAfter, this, job([this] {
                           {
                               std::lock_guard lock(credit_mutex_);
                               waits_for_disk_ = false;
                           }
                           if (closed_ || retry_write()) return;
                           health_.allow_probe();
                           events_.send([](StorageEvents& events) { events.on_credit(); });
                       }));
}

void TorrentStore::verify(PieceIndex piece, PieceBufferPtr buffer, bool want_block_digests) {
    assert(buffer && buffer->bytes().size() == spec_.layout.piece_size(piece));
    if (const std::shared_ptr<SpillingPiece> spilled = spilling(piece)) {
        assert(spilled == buffer);
        return spilled->when_written(job([this, piece, spilled, want_block_digests] {
            verify_spilled(piece, spilled, want_block_digests);
        }));
    }
    pool_.submit_always(DiskWork::verify,
                        job([this, piece, buffer = std::move(buffer), want_block_digests]() mutable {
                            verify_now(piece, std::move(buffer), want_block_digests);
                        }));
}

void TorrentStore::verify_now(PieceIndex piece, PieceBufferPtr buffer, bool want_block_digests) {
    const ByteView content = buffer->bytes();
    if (!verifier_.matches(piece, content)) {
        std::vector<Sha1Digest> digests = Verifier::block_digests(content);
        events_.send(
            [&](StorageEvents& events) { events.on_mismatch(piece, std::move(buffer), std::move(digests)); });
        return;
    }
    CacheActions actions;
    const bool fresh = cache_.publish(cache_.whole(piece), buffer, actions);
    if (fresh) first_pass_.arrived(spec_.layout.piece_range(piece));
    carry_out(std::move(actions), MayWait::yes);
    std::vector<Sha1Digest> digests;
    if (want_block_digests) digests = Verifier::block_digests(content);
    events_.send([&](StorageEvents& events) { events.on_verified(piece, std::move(digests)); });
    if (!fresh) return;
    pool_.submit_always(DiskWork::write, job([this, piece, buffer = std::move(buffer)]() mutable {
                            write_now(piece, std::move(buffer));
                        }));
}

void TorrentStore::verify_spilled(PieceIndex piece, std::shared_ptr<SpillingPiece> spilled,
                                  bool want_block_digests) {
    const auto forget = [&] {
        std::lock_guard lock(spilling_mutex_);
        spilling_.erase(piece);
    };
    if (!spilled->all_written()) {  // the disk does not take it: from here on it is a piece in memory
        forget();
        if (!spilled->bring_back()) return verify_now(piece, std::move(spilled), want_block_digests);
        return events_.send([&](StorageEvents& events) { events.on_lost(piece); });
    }
    const Result<Sha1Digest> digest = spilled->digest();
    std::vector<Sha1Digest> block_digests;
    const bool right = digest && verifier_.matches(piece, *digest);
    if (digest && (!right || want_block_digests)) {
        if (auto digests = spilled->block_digests()) block_digests = std::move(*digests);
    }
    if (!digest || (!right && block_digests.empty())) {
        forget();
        return events_.send([&](StorageEvents& events) { events.on_lost(piece); });
    }
    if (!right) {
        return events_.send([&](StorageEvents& events) {
            events.on_mismatch(piece, std::move(spilled), std::move(block_digests));
        });
    }
    forget();
    publish_spilled(piece, std::move(block_digests));
}

void TorrentStore::publish_spilled(PieceIndex piece, std::vector<Sha1Digest> block_digests) {
    CacheActions actions;
    const BlockSpan blocks = cache_.whole(piece);
    const bool fresh = cache_.publish_written(blocks, actions);
    if (fresh) first_pass_.arrived(spec_.layout.piece_range(piece));
    carry_out(std::move(actions), MayWait::yes);
    events_.send([&](StorageEvents& events) { events.on_verified(piece, std::move(block_digests)); });
    if (!fresh) return;
    save_claims(blocks);
    on_write_worked();
}

void TorrentStore::write_now(PieceIndex piece, PieceBufferPtr buffer) {
    const ByteRange range = spec_.layout.piece_range(piece);
    if (Error error = data_.write(range.begin, buffer->bytes())) {
        data_.punch(range);  // what part of it was written is of no use
        on_write_failed(error);
        keep_unwritten(piece, std::move(buffer));
        return;
    }
    cache_.on_written(cache_.whole(piece));
    buffer.reset();
    save_claims(cache_.whole(piece));
    on_write_worked();
}

void TorrentStore::keep_unwritten(PieceIndex piece, PieceBufferPtr buffer) {
    if (closed_) return lose(piece);  // there is no claim to take back
    bool offer = false;
    {
        std::lock_guard lock(unwritten_mutex_);
        offer = !std::exchange(offered_, true);
        unwritten_bytes_ += buffer->bytes().size();
        unwritten_.push_back({piece, std::move(buffer)});
    }
    while (drop_unwritten_beyond(kUnwrittenBytes)) continue;
    if (offer) offer_unwritten();
    wait_for_disk();
}

/// Lets the oldest one go if more bytes than these are kept; the newest one stays.
bool TorrentStore::drop_unwritten_beyond(std::size_t bytes) {
    Unwritten oldest;
    {
        std::lock_guard lock(unwritten_mutex_);
        if (unwritten_bytes_ <= bytes || unwritten_.size() < (bytes > 0 ? 2 : 1)) return false;
        oldest = std::move(unwritten_.front());
        unwritten_.pop_front();
        unwritten_bytes_ -= oldest.buffer->bytes().size();
    }
    lose(oldest.piece);
    return true;
}

/// Somebody's blocked read, of any torrent, is more important than what is kept here.
void TorrentStore::offer_unwritten() {
    Task drop = job([this] {
        drop_unwritten_beyond(0);
        {
            std::lock_guard lock(unwritten_mutex_);
            offered_ = !unwritten_.empty();
            if (!offered_) return;
        }
        offer_unwritten();
    });
    memory_.when_short(this, [this, drop = std::move(drop)]() mutable {
        pool_.submit_always(DiskWork::verify, std::move(drop));
    });
}

/// Tries the oldest one again. False if there is none.
bool TorrentStore::retry_write() {
    Unwritten oldest;
    {
        std::lock_guard lock(unwritten_mutex_);
        if (unwritten_.empty()) return false;
        oldest = std::move(unwritten_.front());
        unwritten_.pop_front();
        unwritten_bytes_ -= oldest.buffer->bytes().size();
    }
    pool_.submit_always(DiskWork::write, job([this, one = std::move(oldest)]() mutable {
                            write_now(one.piece, std::move(one.buffer));
                        }));
    return true;
}

/// Each of those kept at this moment; one that fails comes back and waits for its turn.
void TorrentStore::retry_all_writes() {
    std::size_t count = 0;
    {
        std::lock_guard lock(unwritten_mutex_);
        count = unwritten_.size();
    }
    while (count-- > 0 && retry_write()) continue;
}

void TorrentStore::on_write_failed(Error error) {
    if (health_.on_write_failed(Clock::now()))
        log::warn("cache: cannot write {} ({}); going on from memory, and trying again",
                  spec_.identity.cache_key(), error.message());
}

void TorrentStore::on_write_worked() {
    if (!health_.on_write_worked(Clock::now())) return;
    log::warn("cache: can write {} again", spec_.identity.cache_key());
    retry_all_writes();
    events_.send([](StorageEvents& events) { events.on_credit(); });
}

void TorrentStore::save_claims(BlockSpan blocks) {
    const std::size_t first = cache_.block_index(blocks.piece, blocks.first);
    // A claim that cannot be saved is a piece to be fetched again after a kill; a clean end saves it yet.
    if (Error error = claims_->save(first, blocks.count, cache_.stored(), cache_.doubtful()))
        log::debug("cache: claim of piece {} not saved: {}", blocks.piece.value(), error.message());
}

void TorrentStore::lose_stored(PieceIndex piece) {
    lose(piece);
    save_claims(cache_.whole(piece));
}

void TorrentStore::lose(PieceIndex piece) {
    CacheActions actions;
    const bool had = cache_.lose(cache_.whole(piece), actions);
    if (had) events_.send([&](StorageEvents& events) { events.on_lost(piece); });
    carry_out(std::move(actions), MayWait::yes);
}

void TorrentStore::read(ReadTicket ticket, BlockRef range) {
    const std::uint64_t begin = spec_.layout.piece_offset_in_torrent(range.piece) + range.offset_in_piece;
    const ByteRange bytes{begin, begin + range.size};
    assert(range.size <= kBlockSize && bytes.end <= spec_.layout.piece_range(range.piece).end);
    Task upload = job([this, ticket, bytes] {
        CacheActions actions;
        cache_.read(std::nullopt, bytes, std::make_unique<UploadReply>(events_, ticket),
                    Patience::until_proven, actions);
        carry_out(std::move(actions), MayWait::yes);
    });
    // Behind 65,536 reads an upload waits with the writes; the engine bounds how many it asks for.
    if (!pool_.submit(DiskWork::read, upload)) pool_.submit_always(DiskWork::write, std::move(upload));
}

// ---- ReadSide ----

ReadOutcome TorrentStore::read(ReadId id, ByteRange range, std::unique_ptr<ReadReply> reply) {
    assert(range.end <= spec_.layout.total_size() && range.size() <= kMaxRead);
    if (range.empty() || cache_.on_disk(range)) {
        ReadyRead ready{range, std::move(reply), {}};
        if (!range.empty()) ready.segments.push_back({range, nullptr, nullptr});
        answer(std::move(ready), MayWait::no);
        return ReadOutcome::answered;
    }
    CacheActions actions;
    const bool parked = cache_.read(id, range, std::move(reply), Patience::until_fetched, actions);
    carry_out(std::move(actions), MayWait::no);
    return parked ? ReadOutcome::parked : ReadOutcome::answered;
}

bool TorrentStore::cancel(ReadId id, Error error) {
    const std::unique_ptr<ReadReply> reply = cache_.cancel(id);
    if (reply) reply->fail(error);
    return reply != nullptr;
}

void TorrentStore::close(Error error) {
    closed_ = true;
    for (FailedRead& read : cache_.close(error)) read.reply->fail(read.error);
}

bool TorrentStore::has(ByteRange range) const {
    return cache_.has(range);
}
void TorrentStore::expect(ByteRange range) {
    CacheActions actions;
    cache_.expect(range, actions);
    carry_out(std::move(actions), MayWait::no);
}
bool TorrentStore::leave_behind(ByteRange range) {
    return !health_.failing() && first_pass_.passed(range);
}
std::uint64_t TorrentStore::bytes_had() const {
    return cache_.bytes_had();
}

// ---- answering ----

void TorrentStore::carry_out(CacheActions actions, MayWait may_wait) {
    for (const PieceIndex piece : actions.to_prove) begin_proof(piece);
    for (ReadyRead& read : actions.ready) answer(std::move(read), may_wait);
    for (FailedRead& read : actions.failed) read.reply->fail(read.error);
}

void TorrentStore::answer(ReadyRead read, MayWait may_wait) {
    std::size_t disk_bytes = 0;
    for (const ReadSegment& segment : read.segments) disk_bytes += segment.memory ? 0 : segment.range.size();
    std::span<std::byte> room = scratch(disk_bytes);

    std::vector<iovec> parts;
    parts.reserve(read.segments.size());
    for (const ReadSegment& segment : read.segments) {
        const std::size_t size = segment.range.size();
        if (segment.memory) {
            parts.push_back({const_cast<std::byte*>(segment.bytes), size});
            continue;
        }
        const std::span<std::byte> target = room.first(size);
        room = room.subspan(size);
        const bool cached = may_wait == MayWait::no && data_.read_cached(segment.range.begin, target);
        if (may_wait == MayWait::no) read_ahead(segment.range, !cached);
        if (!cached && may_wait == MayWait::no) return read_later(std::move(read));
        if (!cached) {
            if (Error error = data_.read(segment.range.begin, target)) {
                log::warn("cache: cannot read {} ({})", spec_.identity.cache_key(), error.message());
                const PieceIndex last = spec_.layout.piece_at(segment.range.end - 1);
                for (PieceIndex p = spec_.layout.piece_at(segment.range.begin); p <= last; p = p.next())
                    lose_stored(p);
                read.reply->fail(error == Errc::storage_corrupt ? make_error_code(Errc::storage_failed)
                                                                : error);
                return;
            }
        }
        parts.push_back({target.data(), size});
    }
    read.reply->data(parts);
}

void TorrentStore::read_later(ReadyRead read) {
    // Outside of the task, so that a task the pool does not take leaves the reply here.
    auto waiting = std::make_shared<ReadyRead>(std::move(read));
    Task disk_read = job([this, waiting] { answer(std::move(*waiting), MayWait::yes); });
    if (!pool_.submit(DiskWork::read, disk_read)) waiting->reply->fail(Errc::storage_failed);
}

void TorrentStore::read_ahead(ByteRange range, bool cold) {
    std::optional<ByteRange> ahead;
    {
        std::unique_lock lock(sequence_mutex_, std::try_to_lock);
        if (!lock) return;  // a hint: another read gives one soon
        ahead = sequence_.on_read(range, cold);
    }
    if (!ahead) return;
    // Only what is there: to read a hole would fill the page cache with zeros.
    ByteRange there{ahead->begin, ahead->begin};
    while (there.end < std::min(ahead->end, spec_.layout.total_size())) {
        const ByteRange piece = spec_.layout.piece_range(spec_.layout.piece_at(there.end));
        if (there.end >= piece.end || !cache_.on_disk({there.end, piece.end})) break;
        there.end = piece.end;
    }
    if (there.empty()) return;
    Task prefetch = job([this, there] { data_.will_need(there); });
    [[maybe_unused]] const bool taken = pool_.submit(DiskWork::read, prefetch);
}

// ---- proofs ----

void TorrentStore::begin_proof(PieceIndex piece) {
    pool_.submit_always(DiskWork::verify, job([this, piece] { prove_now(piece); }));
}

void TorrentStore::prove_now(PieceIndex piece) {
    if (closed_) return;  // nobody waits for it any more
    const ByteRange range = spec_.layout.piece_range(piece);
    const PieceBufferPtr buffer = memory_.acquire(range.size(), MemoryUse::proof);
    if (!buffer) {
        // Other proofs hold the memory; they wait for nothing but the disk.
        memory_.when_free(range.size(), MemoryUse::proof, this,
                          [this, token = jobs_.use(), piece] { begin_proof(piece); });
        return;
    }
    const Error error = data_.read(range.begin, buffer->bytes());
    if (error || !verifier_.matches(piece, buffer->bytes())) {
        log::warn("cache: piece {} of {} is damaged on disk and will be fetched again", piece.value(),
                  spec_.identity.cache_key());
        lose_stored(piece);
        return;
    }
    CacheActions actions;
    const bool was_doubtful = cache_.proved(cache_.whole(piece), buffer, actions);
    carry_out(std::move(actions), MayWait::yes);
    if (!was_doubtful) return;
    save_claims(cache_.whole(piece));
    events_.send([&](StorageEvents& events) { events.on_verified(piece, {}); });
}

}  // namespace btfs
