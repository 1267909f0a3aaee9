// Piece that is too large to be held in memory until all of it is there.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "cache/disk/data_file.hpp"
#include "cache/disk/task.hpp"
#include "cache/pieces/anonymous_pages.hpp"
#include "cache/pieces/piece_memory.hpp"
#include "engine/core/hash.hpp"
#include "engine/storage.hpp"

namespace btfs {

/// Piece buffer that writes received blocks to their place in the data file while others are still missing,
/// and frees their memory. No claim covers these blocks yet. The hash advances as the prefix grows. Of the
/// address range that bytes() returns only some MiB are in use at a time. The engine thread receives; the
/// disk work is one job at a time.
class SpillingPiece final : public PieceBuffer, public std::enable_shared_from_this<SpillingPiece> {
  public:
    struct Owner {
        /// Runs a job soon, on a thread that may wait for the disk.
        std::function<void(Task job)> submit;
        /// Called by the job when there is room again, or when a piece that was given up is idle.
        std::function<void()> credit;
        LargePieceSizes sizes = {};
        /// The space on disk that the piece was promised; held while anything of it may be written.
        std::shared_ptr<void> space = {};
    };

    /// `place` is the piece's in the torrent; `file` is used by the jobs alone.
    SpillingPiece(ByteRange place, DataFile& file, PieceMemory::Share memory, Owner owner);

    // ---- engine thread ----
    std::span<std::byte> bytes() override { return pages_.first(place_.size()); }
    void block_received(std::uint32_t block) override;
    void block_discarded(std::uint32_t block) override;
    bool has_room() override;
    /// All blocks were received. `then` is called by the job when all that the disk takes is written.
    void when_written(Task then);
    /// True if nothing of it will be written from now on. Otherwise that is so when credit is given.
    bool give_up();
    /// No further job is submitted.
    void close();

    // ---- within `then` ----
    bool all_written();
    /// Gives the SHA-1 of all that was written, or of each block; or the error of reading it back.
    Result<Sha1Digest> digest();
    Result<std::vector<Sha1Digest>> block_digests();
    /// Reads what was written back into bytes(). From now on this is memory like any other.
    Error bring_back();

  private:
    enum class Where : std::uint8_t { missing, in_memory, written };
    struct Block {
        Where where = Where::missing;
        /// Changes when the block is discarded: what a job did with bytes of an earlier generation is void.
        std::uint32_t generation = 0;
    };
    /// One block in memory, as a job found it.
    struct Found {
        std::uint32_t index;
        std::uint32_t generation;
    };
    /// Work that a job finds to be done.
    struct Work {
        std::vector<Found> to_write;
        Task then;
        bool nothing() const { return to_write.empty() && !then; }
    };
    /// The next block for the hash, as a job found it.
    struct ToHash {
        Found block;
        Where where;
    };

    void submit_job();
    void work();
    Work next_work();
    void write(std::span<const Found> blocks);
    void mark_written(std::span<const Found> blocks);
    void discard(std::uint32_t block);
    Error advance_hash();
    std::optional<ToHash> next_to_hash();
    void on_hashed(const Found& block);
    ByteRange in_torrent(std::uint32_t block, std::uint32_t count = 1) const;
    std::span<std::byte> memory(ByteRange in_torrent) const;

    const ByteRange place_;
    DataFile& file_;
    const PieceMemory::Share memory_;
    const LargePieceSizes sizes_;
    AnonymousPages pages_;

    std::mutex mutex_;
    // Guarded by mutex_:
    Owner owner_;
    std::vector<Block> blocks_;
    std::size_t unwritten_bytes_ = 0;  ///< in memory
    bool working_ = false;             ///< a job was submitted and has not ended
    bool failing_ = false;             ///< the disk did not take some: no more is tried before all is there
    bool given_up_ = false;
    std::uint32_t hashed_ = 0;  ///< blocks in prefix_
    bool rehash_ = false;       ///< one of those was discarded
    Task then_;
    bool credit_wanted_ = false;

    // The job's:
    Sha1 prefix_;
};

}  // namespace btfs
