// TorrentStore: reads for a file system, reads for uploads, and proofs of pieces of earlier runs.
#include <algorithm>
#include <cassert>

#include "cache/torrent_store.hpp"
#include "engine/log/log.hpp"

namespace btfs {
namespace {

/// Largest read that ReadSide allows, in bytes.
constexpr std::size_t kMaxRead = 1 << 20;
/// Bytes that a streamed proof reads at a time.
constexpr std::size_t kStreamPart = 256 << 10;

/// Returns memory of the calling thread in which an answer is assembled. It is kept, so page faults occur
/// once.
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

/// Reply that copies an upload's bytes and hands the copy to the engine, which sends it later.
class TorrentStore::UploadReply final : public ReadReply {
  public:
    UploadReply(TorrentStore& store, ReadTicket ticket, BlockRef range)
        : store_(store), ticket_(ticket), range_(range) {}

    void data(std::span<const iovec> bytes) override {
        auto copy = std::make_shared<Bytes>();
        for (const iovec& part : bytes) {
            const auto* begin = static_cast<const std::byte*>(part.iov_base);
            copy->insert(copy->end(), begin, begin + part.iov_len);
        }
        store_.events_.send([&](StorageEvents& events) {
            events.on_read(ticket_, ContentView{*copy, copy});
        });
    }
    void fail(Error error) override {
        store_.events_.send([&](StorageEvents& events) { events.on_read(ticket_, error); });
    }
    /// Fails if the piece is missing; it may be there to be proven once more.
    void again() override { store_.read(ticket_, range_); }

  private:
    TorrentStore& store_;
    const ReadTicket ticket_;
    const BlockRef range_;
};

void TorrentStore::read(ReadTicket ticket, BlockRef range) {
    const std::uint64_t begin = spec_.layout.piece_offset_in_torrent(range.piece) + range.offset_in_piece;
    const ByteRange bytes{begin, begin + range.size};
    assert(range.size <= kMaxUpload && bytes.end <= spec_.layout.piece_range(range.piece).end);
    Task upload = job([this, ticket, bytes, range] {
        CacheActions actions;
        cache_.read(std::nullopt, bytes, std::make_unique<UploadReply>(*this, ticket, range),
                    Patience::until_proven, actions);
        carry_out(std::move(actions), DiskRead::waiting);
    });
    if (!upload) return;
    // If the read queue is full, the upload waits in the queue of writes. The engine limits its uploads.
    if (!pool_.submit(DiskWork::read, upload)) pool_.submit_always(DiskWork::write, std::move(upload));
}

// ---- ReadSide ----

ReadOutcome TorrentStore::read(ReadId id, ByteRange range, std::unique_ptr<ReadReply> reply) {
    assert(range.end <= spec_.layout.total_size() && range.size() <= kMaxRead);
    note_use();
    if (space_) touch(range);
    const DiskRead how = reply->may_wait_for_disk() ? DiskRead::cached_first : DiskRead::cached;
    const std::uint64_t losses = cache_.losses(range);  // taken before the place of the bytes is looked up
    if (range.empty() || cache_.on_disk(range)) {
        ReadyRead ready{range, std::move(reply), {}, losses};
        if (!range.empty()) ready.segments.push_back({range, nullptr, nullptr});
        answer(std::move(ready), how);
        return ReadOutcome::answered;
    }
    CacheActions actions;
    const bool parked = cache_.read(id, range, std::move(reply), Patience::until_fetched, actions);
    carry_out(std::move(actions), how);
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
    carry_out(std::move(actions), DiskRead::cached);
}
bool TorrentStore::leave_behind(ByteRange range) {
    return !write_back_.failing() && first_pass_.passed(range);
}
std::uint64_t TorrentStore::bytes_had() const {
    return cache_.bytes_had();
}

// ---- answering ----

void TorrentStore::carry_out(CacheActions actions, DiskRead how) {
    for (const PieceIndex piece : actions.to_prove) begin_proof(piece);
    for (ReadyRead& read : actions.ready) answer(std::move(read), how);
    for (FailedRead& read : actions.failed) read.reply->fail(read.error);
}

void TorrentStore::answer(ReadyRead read, DiskRead how) {
    std::vector<iovec> parts;
    for (;;) {
        Amiss amiss;
        const Fetched fetched = fetch(read, how, parts, amiss);
        if (fetched == Fetched::not_cached) return read_later(std::move(read));
        if (fetched == Fetched::changed) return read.reply->again();
        const bool from_disk = std::ranges::any_of(read.segments, [](const auto& s) { return !s.memory; });
        if (!from_disk || cache_.losses(read.range) == read.losses) {
            if (fetched == Fetched::all) return read.reply->data(parts);
            if (amiss.error)
                log::warn("cache: cannot read {} ({})", spec_.identity.cache_key(), amiss.error.message());
            if (fetched == Fetched::failed) return read.reply->fail(Errc::storage_failed);
            const PieceIndex first = spec_.layout.piece_at(amiss.range.begin);
            const PieceIndex last = spec_.layout.piece_at(amiss.range.end - 1);
            for (PieceIndex p = first; p <= last; p = p.next()) lose_stored(p);
            if (damage_.may_heal(first, last)) return read.reply->again();
            return read.reply->fail(Errc::storage_failed);
        }
        // A piece was lost during the read; other bytes may be in its place by now.
        read.losses = cache_.losses(read.range);
        if (!cache_.on_disk(read.range)) return read.reply->again();
        read.segments.assign(1, {read.range, nullptr, nullptr});
    }
}

/// Assembles the bytes of a read, in memory that is valid until the thread's next call. Sets `amiss` to a
/// range that could not be read.
TorrentStore::Fetched TorrentStore::fetch(const ReadyRead& read, DiskRead how, std::vector<iovec>& parts,
                                          Amiss& amiss) {
    std::size_t disk_bytes = 0;
    for (const ReadSegment& segment : read.segments) disk_bytes += segment.memory ? 0 : segment.range.size();
    std::span<std::byte> room = scratch(disk_bytes);
    parts.clear();
    parts.reserve(read.segments.size());
    for (const ReadSegment& segment : read.segments) {
        const std::size_t size = segment.range.size();
        if (segment.memory) {
            parts.push_back({const_cast<std::byte*>(segment.bytes), size});
            continue;
        }
        const std::span<std::byte> target = room.first(size);
        room = room.subspan(size);
        parts.push_back({target.data(), size});
        // Files of another client are opened for each read.
        if (how != DiskRead::waiting && !is_adopted_in(segment.range)) {
            const bool cached = data_.read_cached(segment.range.begin, target);
            prefetch(segment.range, !cached);
            if (cached) continue;
        }
        if (how == DiskRead::cached) return Fetched::not_cached;
        if (const Fetched fetched = read_disk(segment.range, target, amiss); fetched != Fetched::all)
            return fetched;
    }
    return Fetched::all;
}

/// Reads bytes that are on disk, each from where its piece lies. Sets `amiss` to a part that could not be
/// read.
TorrentStore::Fetched TorrentStore::read_disk(ByteRange range, std::span<std::byte> out, Amiss& amiss) {
    Fetched fetched = Fetched::all;
    each_place(range, [&](ByteRange part, bool adopted) {
        const std::span<std::byte> target = out.subspan(part.begin - range.begin, part.size());
        if (adopted) {
            fetched = read_adopted(part, target);
        } else if (const Error error = data_.read(part.begin, target)) {
            amiss = {part, error};
            fetched = error == Errc::storage_corrupt ? Fetched::damaged : Fetched::failed;
        }
        return fetched == Fetched::all;
    });
    return fetched;
}

void TorrentStore::read_later(ReadyRead read) {
    // Owned outside the task too, so that the reply is still here if the pool refuses the task.
    auto waiting = std::make_shared<ReadyRead>(std::move(read));
    Task disk_read = job([this, waiting] { answer(std::move(*waiting), DiskRead::waiting); });
    if (!disk_read) return waiting->reply->fail(Errc::cancelled);
    if (!pool_.submit(DiskWork::read, disk_read)) waiting->reply->fail(Errc::storage_failed);
}

void TorrentStore::prefetch(ByteRange range, bool cold) {
    const std::optional<ByteRange> ahead = read_ahead_.on_read(range, cold);
    if (!ahead) return;
    Task work = job([this, ahead] {
        each_place(*ahead, [this](ByteRange part, bool adopted) {
            adopted ? adopted_->tree().will_need(part) : data_.will_need(part);
            return true;
        });
    });
    if (work) [[maybe_unused]]
        const bool taken = pool_.submit(DiskWork::read, work);
}

void TorrentStore::read_ahead(ByteRange range) {
    std::byte first{};
    if (!data_.read_cached(range.begin, {&first, 1})) data_.will_need(range);
}

// ---- proofs ----

void TorrentStore::begin_proof(PieceIndex piece) {
    if (Task proof = job([this, piece] { prove_now(piece); }))
        pool_.submit_always(DiskWork::verify, std::move(proof));
}

void TorrentStore::prove_now(PieceIndex piece) {
    if (closed_) return;  // no read waits for the proof any more
    const ByteRange range = spec_.layout.piece_range(piece);
    const std::uint64_t losses = cache_.losses(range);
    // The piece may have been lost while this job waited, and may come from the swarm by now.
    if (!cache_.is_claimed(piece)) return;
    const bool adopted = cache_.is_adopted(piece);
    if (range.size() > memory_.large_pieces().streamed_proof) {
        if (adopted) return prove_adopted_stream(piece);
        return end_proof(piece, hash_on_disk(range), nullptr, losses);
    }
    const PieceBufferPtr buffer = memory_.acquire(range.size(), MemoryUse::proof);
    if (!buffer) {
        // Other proofs hold the memory. They wait only for the disk, so the memory becomes free.
        memory_.when_free(range.size(), MemoryUse::proof, this,
                          [this, token = jobs_.use(), piece] { begin_proof(piece); });
        if (closed_) memory_.forget(this);
        return;
    }
    if (adopted) return prove_adopted(piece, buffer);
    const Error error = data_.read(range.begin, buffer->bytes());
    end_proof(piece, error ? Result<Sha1Digest>(error) : sha1(buffer->bytes()), buffer, losses);
}

Result<Sha1Digest> TorrentStore::hash_on_disk(ByteRange range) {
    Sha1 hash;
    while (!range.empty()) {
        if (closed_) return Errc::cancelled;
        const std::span<std::byte> part = scratch(std::min<std::size_t>(range.size(), kStreamPart));
        if (const Error error = data_.read(range.begin, part)) return error;
        hash.update(part);
        range.begin += part.size();
    }
    return hash.finish();
}

void TorrentStore::end_proof(PieceIndex piece, const Result<Sha1Digest>& digest, const PieceBufferPtr& buffer,
                             std::uint64_t losses) {
    CacheActions actions;
    const bool damaged =
        digest ? !verifier_.matches(piece, *digest) : digest.error() == Errc::storage_corrupt;
    if (!digest && !damaged) {  // the error may be temporary: keeps the claim
        cache_.proof_failed(piece, digest.error(), actions);
        return carry_out(std::move(actions), DiskRead::waiting);
    }
    const bool lost_meanwhile = cache_.losses(spec_.layout.piece_range(piece)) != losses;
    if (damaged && !lost_meanwhile) {
        log::warn("cache: piece {} of {} is damaged on disk and will be fetched again", piece.value(),
                  spec_.identity.cache_key());
        return lose_stored(piece);
    }
    keep_info();  // the run that claimed the piece may have had none
    set_untold(piece, true);
    const BlockCache::Proof proof = cache_.proved(cache_.whole(piece), buffer, losses, actions);
    if (proof == BlockCache::Proof::of_doubtful) {
        if (!cache_.is_adopted(piece)) save_claims(cache_.whole(piece));
        tell_verified(piece, {});
    }
    set_untold(piece, false);
    carry_out(std::move(actions), DiskRead::waiting);
}

}  // namespace btfs
