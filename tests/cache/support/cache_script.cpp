#include "tests/cache/support/cache_script.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace btfs::test {

struct CacheRun::Answer {
    bool done = false;  // with CacheRun::mutex_
    Outcome outcome = Outcome::failed;
};

class CacheRun::Reply final : public ReadReply {
  public:
    Reply(CacheRun& run, std::shared_ptr<Answer> answer, ReadId id, ByteRange range)
        : run_(run), answer_(std::move(answer)), id_(id), range_(range) {}

    void data(std::span<const iovec> parts) override {
        Bytes bytes;
        for (const iovec& part : parts) {
            const auto* begin = static_cast<const std::byte*>(part.iov_base);
            bytes.insert(bytes.end(), begin, begin + part.iov_len);
        }
        end(std::ranges::equal(bytes, run_.torrent_.bytes(range_)) ? Outcome::right : Outcome::wrong);
    }
    void fail(Error) override { end(Outcome::failed); }
    void again() override {
        run_.store_->read(id_, range_, std::make_unique<Reply>(run_, answer_, id_, range_));
    }

  private:
    void end(Outcome outcome) {
        std::lock_guard lock(run_.mutex_);
        answer_->done = true;
        answer_->outcome = outcome;
        run_.changed_.notify_all();
    }

    CacheRun& run_;
    const std::shared_ptr<Answer> answer_;
    const ReadId id_;
    const ByteRange range_;
};

CacheRun::CacheRun(std::shared_ptr<Files> files, const BootId& boot_id, const Torrent& torrent,
                   DiskPool& pool, const LargePieceSizes& large_pieces, std::optional<std::uint64_t> bound)
    : torrent_(torrent),
      pool_(pool),
      memory_(PieceMemory::kDefaultBudget, large_pieces),
      dir_(std::move(files), boot_id),
      had_(torrent.spec.layout.piece_count()),
      receiving_(torrent.spec.layout.piece_count()),
      bound_bytes_(bound) {}

Error CacheRun::open() {
    if (bound_bytes_) {
        bound_ = std::make_unique<CacheBound>(dir_.files(), pool_, CacheSizes{*bound_bytes_, 0});
        dir_.set_bound(*bound_);
    }
    auto opened = dir_.open_torrent(torrent_.spec, pool_, memory_);
    if (!opened) return opened.error();
    store_ = std::move(*opened);
    const Bitfield available = store_->available(), unproven = store_->unproven();
    for (PieceIndex p(0); p.value() < had_.size(); p = p.next())
        had_[p.value()] = available.test(p) || unproven.test(p);
    store_->attach(*this);
    if (bound_) bound_->start();
    return {};
}

void CacheRun::close() {
    // The store's destructor waits for its jobs, so that all pieces are written, or given up because the disk
    // fails, and the claims are saved.
    store_.reset();
    bound_.reset();
}

bool CacheRun::fetch(PieceIndex piece) {
    supply(piece);
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return had_[piece.value()]; });
}

/// Goes by what the store has said, as an engine does, and receives a piece once at a time.
void CacheRun::supply(PieceIndex piece) {
    {
        std::lock_guard lock(mutex_);
        if (had_[piece.value()] || receiving_[piece.value()]) return;
        receiving_[piece.value()] = true;
    }
    send_all(piece);
}

void CacheRun::send_all(PieceIndex piece) {
    PieceBufferPtr buffer;
    with_credit([&] {
        buffer = store_->acquire(piece, Urgency::blocked_read);
        return buffer != nullptr;
    });
    ASSERT_TRUE(buffer);
    // Every second block comes before the one that it follows: the hash has to read it back if the piece
    // spills.
    const std::uint32_t count = torrent_.spec.layout.block_count(piece);
    for (std::uint32_t i = 0; i < count; ++i) {
        with_credit([&] { return buffer->has_room(); });
        receive_block(*buffer, torrent_.piece(piece), (i ^ 1) < count ? i ^ 1 : i);
    }
    store_->verify(piece, std::move(buffer), false);
}

void CacheRun::with_credit(const std::function<bool()>& try_again) {
    for (;;) {
        std::unique_lock lock(mutex_);
        const std::size_t before = credits_;
        lock.unlock();
        if (try_again()) return;
        lock.lock();
        if (!changed_.wait_for(lock, std::chrono::minutes(1), [&] { return credits_ != before; })) {
            ADD_FAILURE() << "credit never comes";
            return;
        }
    }
}

CacheRun::Outcome CacheRun::read(ByteRange range) {
    const auto answer = std::make_shared<Answer>();
    const ReadId id = ++last_id_;
    const Layout& layout = torrent_.spec.layout;
    store_->set_reader(1, {.blocked = {range}, .window = range});
    {
        std::lock_guard lock(mutex_);
        reading_ = range;
    }
    for (PieceIndex p = layout.piece_at(range.begin); p <= layout.piece_at(range.end - 1); p = p.next())
        supply(p);
    store_->read(id, range, std::make_unique<Reply>(*this, answer, id, range));
    std::unique_lock lock(mutex_);
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!answer->done) {
        if (!changed_.wait_until(lock, end, [&] { return answer->done || !wanted_.empty(); })) {
            ADD_FAILURE() << "a read is never answered";
            std::abort();  // its reply refers to this object
        }
        const std::vector<PieceIndex> wanted = std::exchange(wanted_, {});
        lock.unlock();
        for (const PieceIndex piece : wanted) supply(piece);
        lock.lock();
    }
    reading_ = {};
    lock.unlock();
    store_->drop_reader(1);
    return answer->outcome;
}

CacheRun::Outcome CacheRun::upload(PieceIndex piece) {
    {
        std::lock_guard lock(mutex_);
        uploaded_.reset();
    }
    store_->read(piece.value(), {piece, 0, std::uint32_t(torrent_.spec.layout.piece_size(piece))});
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::minutes(1), [&] { return uploaded_.has_value(); })) {
        ADD_FAILURE() << "an upload is never answered";
        return Outcome::failed;
    }
    return *uploaded_;
}

std::size_t CacheRun::lost() const {
    std::lock_guard lock(mutex_);
    return lost_;
}

void CacheRun::on_verified(PieceIndex piece, std::vector<Sha1Digest>) {
    std::lock_guard lock(mutex_);
    had_[piece.value()] = true;
    receiving_[piece.value()] = false;
    changed_.notify_all();
}

void CacheRun::on_mismatch(PieceIndex, PieceBufferPtr, std::vector<Sha1Digest>) {
    ADD_FAILURE() << "right content does not match";
}

void CacheRun::on_lost(PieceIndex piece) {
    std::lock_guard lock(mutex_);
    if (had_[piece.value()]) ++lost_;
    had_[piece.value()] = receiving_[piece.value()] = false;
    wanted_.push_back(piece);
    changed_.notify_all();
}

std::size_t CacheRun::evicted() const {
    std::lock_guard lock(mutex_);
    return evicted_;
}

void CacheRun::on_evicted(const std::vector<PieceIndex>& pieces) {
    std::lock_guard lock(mutex_);
    for (const PieceIndex piece : pieces) {
        had_[piece.value()] = receiving_[piece.value()] = false;
        if (!reading_.intersection(torrent_.spec.layout.piece_range(piece)).empty()) wanted_.push_back(piece);
    }
    evicted_ += pieces.size();
    changed_.notify_all();
}

void CacheRun::on_credit() {
    std::lock_guard lock(mutex_);
    ++credits_;
    changed_.notify_all();
}

void CacheRun::on_read(ReadTicket ticket, Result<ContentView> content) {
    std::lock_guard lock(mutex_);
    const ByteView piece = torrent_.piece(PieceIndex(static_cast<std::uint32_t>(ticket)));
    uploaded_ = !content                                    ? Outcome::failed
                : std::ranges::equal(content->bytes, piece) ? Outcome::right
                                                            : Outcome::wrong;
    changed_.notify_all();
}

bool is_on_file(const Bytes* data_file, const Torrent& torrent, PieceIndex piece) {
    const ByteRange range = torrent.spec.layout.piece_range(piece);
    return data_file && data_file->size() >= range.end &&
           std::ranges::equal(ByteView(*data_file).subspan(range.begin, range.size()), torrent.piece(piece));
}

}  // namespace btfs::test
