// A torrent's cache for tests: its bytes are a function of their offset, its pieces come when told to.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cache/read_side.hpp"

namespace btfs::test {

inline std::byte content_at(std::uint64_t offset_in_torrent) {
    return static_cast<std::byte>((offset_in_torrent * 0x9e3779b97f4a7c15ULL) >> 37);
}

class FakeReadSide final : public ReadSide {
  public:
    FakeReadSide(std::uint64_t size, std::uint32_t piece_length)
        : size_(size), piece_length_(piece_length), had_(units_for(size, piece_length), false) {}

    ReadOutcome read(ReadId id, ByteRange range, std::unique_ptr<ReadReply> reply) override {
        bool lost = false;
        {
            std::lock_guard lock(mutex_);
            reads_.push_back({id, range});
            if (hung_) {
                held_.push_back({range, std::move(reply)});
                return ReadOutcome::answered;
            }
            if (std::exchange(loses_next_, false)) {
                lost = true;
                had_.assign(had_.size(), false);
            }
            if (!lost && !has_locked(range) && !closed_) {
                parked_.emplace(id, Parked{range, std::move(reply)});
                return ReadOutcome::parked;
            }
        }
        if (lost) {
            reply->again();
        } else if (!has(range)) {
            reply->fail(closed_);
        } else {
            answer(range, *reply);
        }
        return ReadOutcome::answered;
    }

    bool cancel(ReadId id, Error error) override {
        auto reply = take([&](ReadId parked, const Parked&) { return parked == id; });
        for (auto& [range, one] : reply) one->fail(error);
        return !reply.empty();
    }

    void close(Error error) override {
        {
            std::lock_guard lock(mutex_);
            closed_ = error;
        }
        for (auto& [range, reply] : take([](ReadId, const Parked&) { return true; })) reply->fail(error);
    }

    /// The error that it was closed with last, if it was.
    Error closed_with() const {
        std::lock_guard lock(mutex_);
        return closed_;
    }

    /// Every byte once, in ascending order: where the ranges end is up to the order of the kernel's READs.
    bool leave_behind(ByteRange range) override {
        std::lock_guard lock(mutex_);
        if (range.begin < left_behind_until_) return false;
        left_behind_until_ = range.end;
        return true;
    }
    void expect(ByteRange range) override {
        std::lock_guard lock(mutex_);
        expected_until_ = std::max(expected_until_, range.end);
    }
    std::uint64_t expected_until() const {
        std::lock_guard lock(mutex_);
        return expected_until_;
    }
    bool has(ByteRange range) const override {
        std::lock_guard lock(mutex_);
        ++has_calls_;
        return has_locked(range);
    }

    /// From now on all of the torrent is leased, once it is there: the open file has its bytes. It is not
    /// closed before the leases end.
    void lease_from(int descriptor) { leased_file_ = descriptor; }
    std::unique_ptr<DataLease> lease(ByteRange range) override {
        if (leased_file_ < 0 || range != ByteRange{0, size_} || !has(range)) return nullptr;
        return std::make_unique<Lease>(*this);
    }
    int leases() const { return leases_; }

    std::uint64_t bytes_had() const override {
        std::lock_guard lock(mutex_);
        return static_cast<std::uint64_t>(std::ranges::count(had_, true)) * piece_length_;
    }

    /// The pieces of these bytes come: reads that waited for them are answered on this thread.
    void bring(ByteRange range) {
        {
            std::lock_guard lock(mutex_);
            for (auto piece = range.begin / piece_length_;
                 piece * piece_length_ < range.end && piece < had_.size(); ++piece)
                had_[piece] = true;
        }
        auto ready = take([&](ReadId, const Parked& parked) { return has_locked(parked.range); });
        for (auto& [of, reply] : ready) answer(of, *reply);
    }
    void lose_all() {
        std::lock_guard lock(mutex_);
        had_.assign(had_.size(), false);
    }
    void bring_all() { bring({0, had_.size() * std::uint64_t{piece_length_}}); }

    /// The disk hangs: it takes replies, and answers none until resume().
    void hang() {
        std::lock_guard lock(mutex_);
        hung_ = true;
    }
    void resume() {
        std::vector<Parked> held;
        {
            std::lock_guard lock(mutex_);
            hung_ = false;
            held.swap(held_);
        }
        for (Parked& read : held) answer(read.range, *read.reply);
    }
    std::size_t held_count() const {
        std::lock_guard lock(mutex_);
        return held_.size();
    }
    /// The torrent has these bytes there. Before it is read.
    void write(std::uint64_t at, std::string bytes) {
        written_at_ = at;
        written_ = std::move(bytes);
    }
    /// Answers come in about so many parts from now on.
    void set_parts(std::size_t parts) { parts_ = parts; }

    /// All that was had is lost while the next read reads it.
    void lose_during_next_read() {
        std::lock_guard lock(mutex_);
        loses_next_ = true;
    }

    /// Reads that wait are to be made again, as when a part that they had is lost while the rest comes.
    void ask_again() {
        for (auto& [range, reply] : take([](ReadId, const Parked&) { return true; })) reply->again();
    }

    /// Drops parked replies without using them, as a bug would.
    void drop_parked() {
        take([](ReadId, const Parked&) { return true; });
    }

    std::size_t parked_count() const {
        std::lock_guard lock(mutex_);
        return parked_.size();
    }
    std::vector<std::pair<ReadId, ByteRange>> reads() const {
        std::lock_guard lock(mutex_);
        return reads_;
    }

  private:
    class Lease final : public DataLease {
      public:
        explicit Lease(FakeReadSide& from) : from_(from) { ++from_.leases_; }
        ~Lease() override { --from_.leases_; }
        int descriptor() const override { return from_.leased_file_; }

      private:
        FakeReadSide& from_;
    };

    struct Parked {
        ByteRange range;
        std::unique_ptr<ReadReply> reply;
    };

    bool has_locked(ByteRange range) const {
        for (auto piece = range.begin / piece_length_; piece * piece_length_ < range.end; ++piece) {
            if (piece >= had_.size() || !had_[piece]) return false;
        }
        return true;
    }

    template <class Which>
    std::vector<std::pair<ByteRange, std::unique_ptr<ReadReply>>> take(Which which) {
        std::lock_guard lock(mutex_);
        std::vector<std::pair<ByteRange, std::unique_ptr<ReadReply>>> taken;
        for (auto at = parked_.begin(); at != parked_.end();) {
            if (!which(at->first, at->second)) {
                ++at;
                continue;
            }
            taken.emplace_back(at->second.range, std::move(at->second.reply));
            at = parked_.erase(at);
        }
        return taken;
    }

    // In as many parts, as of so many pieces.
    void answer(ByteRange range, ReadReply& reply) const {
        std::vector<std::byte> bytes(range.size());
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            const std::uint64_t at = range.begin + i;
            const bool written = at >= written_at_ && at - written_at_ < written_.size();
            bytes[i] = written ? static_cast<std::byte>(written_[at - written_at_]) : content_at(at);
        }
        std::vector<iovec> parts;
        const std::size_t size = std::max<std::size_t>(1, bytes.size() / parts_);
        for (std::size_t i = 0; i < bytes.size(); i += size)
            parts.push_back({bytes.data() + i, std::min(size, bytes.size() - i)});
        reply.data(parts);
    }

    const std::uint64_t size_;
    const std::uint32_t piece_length_;
    std::atomic<int> leased_file_ = -1;
    std::atomic<int> leases_ = 0;
    std::atomic<std::size_t> parts_ = 2;
    std::uint64_t written_at_ = 0;
    std::string written_;
    mutable std::mutex mutex_;
    std::vector<bool> had_;
    std::map<ReadId, Parked> parked_;
    bool hung_ = false;
    std::vector<Parked> held_;
    std::vector<std::pair<ReadId, ByteRange>> reads_;
    bool loses_next_ = false;
    mutable std::size_t has_calls_ = 0;
    std::uint64_t expected_until_ = 0;
    std::uint64_t left_behind_until_ = 0;
    Error closed_;
};

}  // namespace btfs::test
