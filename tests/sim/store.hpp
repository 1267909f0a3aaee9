// The client's store: verifies, writes and answers reads as the cache does, with the cache's own memory.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cache/pieces/piece_memory.hpp"
#include "cache/read_side.hpp"
#include "engine/core/layout.hpp"
#include "engine/storage.hpp"
#include "tests/sim/content.hpp"
#include "tests/sim/event_queue.hpp"

namespace btfs::sim {

struct StoreOptions {
    std::size_t memory = PieceMemory::kDefaultBudget;
    /// Pieces that are kept; the one that was verified longest ago is evicted first.
    std::size_t keeps = 1'000'000;
    double hashing = 1.5e9;  ///< bytes per second
    double writing = 300e6;  ///< bytes per second; memory is held until a piece is written
};

/// Takes pieces apart by comparing them with the true content. Beyond the promises of Storage it watches
/// that no byte of a piece changes after it was handed over, and reports what it saw as complaints.
class Store final : public Storage, public ReadSide {
  public:
    Store(EventQueue& events, const Layout& layout, const StoreOptions& options);
    ~Store() override { memory_.forget(this); }

    // ---- Storage ----
    void attach(StorageEvents& events) override { listener_ = &events; }
    void detach() override { listener_ = nullptr; }
    Bitfield available() const override { return had_; }
    Bitfield unproven() const override { return Bitfield(layout_.piece_count()); }
    PieceBufferPtr acquire(PieceIndex piece, Urgency urgency) override;
    void verify(PieceIndex piece, PieceBufferPtr buffer, bool want_block_digests) override;
    void read(ReadTicket ticket, BlockRef range) override;

    // ---- ReadSide ----
    ReadOutcome read(ReadId id, ByteRange range, std::unique_ptr<ReadReply> reply) override;
    bool cancel(ReadId id, Error error) override;
    void close(Error error) override;
    bool has(ByteRange range) const override;
    void expect(ByteRange) override {}
    bool leave_behind(ByteRange) override { return false; }
    std::uint64_t bytes_had() const override { return bytes_had_; }

    const Bitfield& had() const { return had_; }
    bool is_awaited(PieceIndex piece) const { return awaited_.contains(piece); }
    std::vector<PieceIndex> awaited() const {
        std::vector<PieceIndex> pieces;
        for (const auto& [piece, ids] : awaited_) pieces.push_back(piece);
        return pieces;
    }
    std::size_t parked() const { return parked_.size(); }
    std::size_t memory_held() const { return memory_.held_bytes(); }
    std::uint64_t bytes_verified() const { return bytes_verified_; }
    std::uint64_t mismatches() const { return mismatches_; }
    const std::vector<std::string>& complaints() const { return complaints_; }

  private:
    struct Parked {
        ByteRange range;
        std::unique_ptr<ReadReply> reply;
    };
    void wait_for_credit(std::size_t size, MemoryUse use);
    void end_verifying(PieceIndex piece, const PieceBufferPtr& buffer, bool good, bool want_block_digests);
    void answer(PieceIndex piece);
    std::unique_ptr<ReadReply> take(std::map<ReadId, Parked>::iterator read);
    void evict();
    bool is_true(PieceIndex piece, PieceBuffer& buffer) const;

    EventQueue& events_;
    const Layout& layout_;
    const StoreOptions options_;
    PieceMemory memory_;
    StorageEvents* listener_ = nullptr;
    Bitfield had_;
    std::vector<PieceIndex> by_age_;  // of what is had, the oldest first
    std::uint64_t bytes_had_ = 0;
    std::uint64_t bytes_verified_ = 0;
    std::uint64_t mismatches_ = 0;
    TimePoint hashing_free_{};
    TimePoint writing_free_{};
    bool waits_for_credit_[2] = {false, false};
    std::map<ReadId, Parked> parked_;
    std::map<PieceIndex, std::vector<ReadId>> awaited_;
    std::vector<std::string> complaints_;
};

}  // namespace btfs::sim
