#include "tests/sim/store.hpp"

#include <algorithm>
#include <cstring>

namespace btfs::sim {
namespace {

constexpr Duration kHop = 30us;  // the way to the disk pool, or back
constexpr Duration kDiskRead = 1ms;

}  // namespace

Store::Store(EventQueue& events, const Layout& layout, const StoreOptions& options)
    : events_(events),
      layout_(layout),
      options_(options),
      memory_(options.memory),
      had_(layout.piece_count()) {}

PieceBufferPtr Store::acquire(PieceIndex piece, Urgency urgency) {
    const std::size_t size = layout_.piece_size(piece);
    const MemoryUse use = urgency == Urgency::blocked_read ? MemoryUse::blocked : MemoryUse::ahead;
    PieceBufferPtr buffer = memory_.acquire(size, use);
    if (!buffer) wait_for_credit(size, use);
    return buffer;
}

void Store::wait_for_credit(std::size_t size, MemoryUse use) {
    bool& waits = waits_for_credit_[use == MemoryUse::blocked];
    if (waits) return;
    waits = true;
    memory_.when_free(size, use, this, [this, &waits] {
        events_.after(kHop, [this, &waits] {
            waits = false;
            if (listener_) listener_->on_credit();
        });
    });
}

bool Store::is_true(PieceIndex piece, PieceBuffer& buffer) const {
    const ByteView truth = Content::shared().view(layout_.piece_range(piece));
    return buffer.bytes().size() == truth.size() &&
           std::memcmp(buffer.bytes().data(), truth.data(), truth.size()) == 0;
}

void Store::verify(PieceIndex piece, PieceBufferPtr buffer, bool want_block_digests) {
    const bool good = is_true(piece, *buffer);
    hashing_free_ = std::max(hashing_free_, events_.now() + kHop) +
                    from_seconds(layout_.piece_size(piece) / options_.hashing);
    events_.at(hashing_free_, [this, piece, buffer = std::move(buffer), good, want_block_digests] {
        end_verifying(piece, buffer, good, want_block_digests);
    });
}

void Store::end_verifying(PieceIndex piece, const PieceBufferPtr& buffer, bool good,
                          bool want_block_digests) {
    if (good != is_true(piece, *buffer)) complaints_.push_back("a piece changed while it was verified");
    std::vector<Sha1Digest> digests;
    if (!good || want_block_digests) {
        const auto bytes = buffer->bytes();
        for (std::size_t at = 0; at < bytes.size(); at += kBlockSize)
            digests.push_back(sha1(bytes.subspan(at, std::min<std::size_t>(kBlockSize, bytes.size() - at))));
    }
    if (!good) {
        ++mismatches_;
        return listener_->on_mismatch(piece, buffer, std::move(digests));
    }
    if (!had_.set(piece)) complaints_.push_back("a piece was verified that was had");
    by_age_.push_back(piece);
    bytes_had_ += layout_.piece_size(piece);
    bytes_verified_ += layout_.piece_size(piece);
    writing_free_ =
        std::max(writing_free_, events_.now()) + from_seconds(layout_.piece_size(piece) / options_.writing);
    events_.at(writing_free_, [this, piece, buffer] {
        if (!is_true(piece, *buffer)) complaints_.push_back("a piece changed after it was verified");
    });
    answer(piece);
    listener_->on_verified(piece, std::move(digests));
    evict();
}

void Store::evict() {
    while (by_age_.size() > options_.keeps) {
        const auto pinned = [&](PieceIndex piece) {
            return std::ranges::any_of(parked_, [&](const auto& read) {
                return !layout_.piece_range(piece).intersection(read.second.range).empty();
            });
        };
        const auto victim = std::ranges::find_if_not(by_age_, pinned);
        if (victim == by_age_.end()) return;
        const PieceIndex piece = *victim;
        by_age_.erase(victim);
        had_.clear(piece);
        bytes_had_ -= layout_.piece_size(piece);
        events_.after(kHop, [this, piece] { listener_->on_evicted({piece}); });
    }
}

void Store::read(ReadTicket ticket, BlockRef range) {
    events_.after(kDiskRead, [this, ticket, range] {
        const Result<ContentView> answer =
            had_.test(range.piece)
                ? Result<ContentView>(ContentView{Content::shared().view(range_of(layout_, range)), nullptr})
                : Result<ContentView>(make_error_code(Errc::storage_failed));
        listener_->on_read(ticket, answer);
    });
}

// ---- readers ----

bool Store::has(ByteRange range) const {
    for (std::uint64_t at = range.begin; at < range.end;) {
        const PieceIndex piece = layout_.piece_at(at);
        if (!had_.test(piece)) return false;
        at = layout_.piece_range(piece).end;
    }
    return true;
}

ReadOutcome Store::read(ReadId id, ByteRange range, std::unique_ptr<ReadReply> reply) {
    if (has(range)) {
        const ByteView bytes = Content::shared().view(range);
        const iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
        reply->data({&part, 1});
        return ReadOutcome::answered;
    }
    for (std::uint64_t at = range.begin; at < range.end;) {
        const PieceIndex piece = layout_.piece_at(at);
        if (!had_.test(piece)) awaited_[piece].push_back(id);
        at = layout_.piece_range(piece).end;
    }
    parked_.emplace(id, Parked{range, std::move(reply)});
    return ReadOutcome::parked;
}

void Store::answer(PieceIndex piece) {
    auto waiting = awaited_.extract(piece);
    if (waiting.empty()) return;
    for (ReadId id : waiting.mapped()) {
        const auto read = parked_.find(id);
        if (read == parked_.end() || !has(read->second.range)) continue;
        const ByteView bytes = Content::shared().view(read->second.range);
        const iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
        take(read)->data({&part, 1});
    }
}

std::unique_ptr<ReadReply> Store::take(std::map<ReadId, Parked>::iterator read) {
    const ByteRange range = read->second.range;
    std::unique_ptr<ReadReply> reply = std::move(read->second.reply);
    for (std::uint64_t at = range.begin; at < range.end;) {
        const PieceIndex piece = layout_.piece_at(at);
        if (auto waiting = awaited_.find(piece); waiting != awaited_.end()) {
            std::erase(waiting->second, read->first);
            if (waiting->second.empty()) awaited_.erase(waiting);
        }
        at = layout_.piece_range(piece).end;
    }
    parked_.erase(read);
    return reply;
}

bool Store::cancel(ReadId id, Error error) {
    const auto read = parked_.find(id);
    if (read == parked_.end()) return false;
    take(read)->fail(error);
    return true;
}

void Store::close(Error error) {
    while (!parked_.empty()) take(parked_.begin())->fail(error);
}

}  // namespace btfs::sim
