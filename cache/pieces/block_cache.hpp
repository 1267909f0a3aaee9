// State of each block of a torrent, and the reads that wait for blocks.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cache/read_side.hpp"
#include "cache/records/block_bitmap.hpp"
#include "engine/core/bitfield.hpp"
#include "engine/core/layout.hpp"
#include "engine/storage.hpp"

namespace btfs {

/// Blocks [first, first + count) of one piece.
struct BlockSpan {
    PieceIndex piece;
    std::uint32_t first = 0;
    std::uint32_t count = 0;
};

/// A stretch of a read's bytes and where they are: in `memory`, or at their place on disk: in the data file
/// or, of an adopted piece, in the files that it was adopted from.
struct ReadSegment {
    ByteRange range;        ///< of the torrent
    PieceBufferPtr memory;  ///< null: on disk
    const std::byte* bytes = nullptr;
};

/// A read all of whose bytes are at hand. Those on disk are read without a lock, so that they may be lost,
/// and their place written anew, meanwhile: the bytes are good if BlockCache::losses(range) is `losses`
/// still.
struct ReadyRead {
    ByteRange range;
    std::unique_ptr<ReadReply> reply;
    std::vector<ReadSegment> segments;
    std::uint64_t losses = 0;
};

/// A read that can not be answered.
struct FailedRead {
    std::unique_ptr<ReadReply> reply;
    Error error;
};

/// Work that a change or a question sets off. The caller does it after the call, when no lock is held.
struct CacheActions {
    std::vector<ReadyRead> ready;
    std::vector<FailedRead> failed;
    /// Claimed pieces whose proof has to begin now; each is named once until proved() or lose().
    std::vector<PieceIndex> to_prove;
    /// publish(), publish_written(): the piece was adopted until now.
    bool was_adopted = false;
};

/// How long a read waits. Uploads do not wait for the swarm.
enum class Patience : std::uint8_t { until_fetched, until_proven };

/// A block is missing, claimed (on disk since an earlier run or adopted, unproven), in memory or on disk. A
/// piece that is claimed or on disk may be adopted: then it lies in files of another client, as a whole, and
/// not in the data file. All of that and the parked reads are under one lock, so that no read falls between
/// two states; a read of bytes that are all on disk takes no lock. Knows no files and no threads: it is told
/// what was verified, written, proven or lost, and says what follows. Called from any thread; calls and
/// answers nobody.
class BlockCache {
  public:
    /// Reads that may be parked; more fail at once.
    static constexpr std::size_t kMaxParked = 65536;

    /// `layout` outlives this.
    explicit BlockCache(const Layout& layout);

    // ---- states; v1 pieces change as a whole, whole(piece) ----
    BlockSpan whole(PieceIndex piece) const { return {piece, 0, layout_.block_count(piece)}; }
    /// Missing -> claimed. At opening.
    void claim(BlockSpan blocks, bool doubtful);
    /// Missing -> claimed and adopted. False, and nothing changes, if any of the piece is had already.
    bool adopt(PieceIndex piece, bool doubtful, CacheActions& actions);
    /// Counts a loss of the piece and, if it is adopted, makes it claimed again: the files that it lies in
    /// have changed. A proof that has begun is stale.
    void unprove_adopted(PieceIndex piece);
    /// As lose(), for an adopted piece. False, and nothing changes, if it is not adopted.
    bool lose_adopted(PieceIndex piece, CacheActions& actions);
    /// Missing -> in memory: verified content, `buffer` holding the whole piece. False, and nothing changes,
    /// if any of the blocks is had already. An adopted piece that is unproven
    /// counts as missing.
    bool publish(BlockSpan blocks, PieceBufferPtr buffer, CacheActions& actions);
    /// Missing -> on disk: verified content that is written already. False as with publish().
    bool publish_written(BlockSpan blocks, CacheActions& actions);
    /// In memory -> on disk.
    void on_written(BlockSpan blocks);
    enum class Proof : std::uint8_t { stale, of_trusted, of_doubtful };
    /// Claimed -> on disk: the piece's content was read back and verified. Parked reads are answered from
    /// `buffer` if that holds it; null: from the disk. `losses` were counted before it was read: if more were
    /// counted since, the proof is stale and nothing changes, but that it may begin again.
    Proof proved(BlockSpan blocks, const PieceBufferPtr& buffer, std::uint64_t losses, CacheActions& actions);
    /// The proof could not be had, for a reason that may pass: the piece stays claimed, if it was, and reads
    /// that wait for it fail with `error`.
    void proof_failed(PieceIndex piece, Error error, CacheActions& actions);
    /// Any state -> missing. Reads go on waiting, but for the impatient. False if nothing was had. Once this
    /// returned, the blocks' place on disk may be written or punched.
    bool lose(BlockSpan blocks, CacheActions& actions);
    /// Claimed or on disk -> claimed and doubtful: all that lies on the disk has to be proven, perhaps anew,
    /// before it is read.
    void unprove_all();
    /// All that is stored becomes doubtful: a sync failed.
    void doubt_all();

    // ---- reads ----
    /// True if all of the range is on disk and proven. Takes no lock.
    bool on_disk(ByteRange range_in_torrent) const;
    /// Counts what was lost of the range's pieces, and perhaps of others; never falls. Takes no lock.
    std::uint64_t losses(ByteRange range_in_torrent) const;
    /// Makes the read ready, or failed, or parks it; true if it is parked. A read without an id cannot be
    /// cancelled.
    bool read(std::optional<ReadId> id, ByteRange range_in_torrent, std::unique_ptr<ReadReply> reply,
              Patience patience, CacheActions& actions);
    /// Takes a parked read out; null if there is none of that name.
    std::unique_ptr<ReadReply> cancel(ReadId id);
    /// Takes all parked reads out. Later ones that would park fail with `error`.
    std::vector<FailedRead> close(Error error);

    /// Begins the proofs of the claimed pieces in the range, before anybody reads them.
    void expect(ByteRange range_in_torrent, CacheActions& actions);

    // ---- questions ----
    bool has(ByteRange range_in_torrent) const;
    std::uint64_t bytes_had() const { return bytes_had_.load(std::memory_order_relaxed); }
    /// Whole pieces had, without the doubtful ones.
    Bitfield available() const;
    Bitfield doubtful_pieces() const;
    /// Pieces that is_claimed() is true for. Takes no lock: each as it is when it is looked at.
    Bitfield claimed_pieces() const;
    /// The first doubtful piece from `from` on.
    std::optional<PieceIndex> next_doubtful(PieceIndex from) const;
    /// True if the piece is claimed: there is something to prove.
    bool is_claimed(PieceIndex piece) const;
    /// Takes no lock.
    bool is_adopted(PieceIndex piece) const { return adopted_.test(piece.value()); }
    std::size_t parked_count() const;

    /// Claimed or on disk, in the data file: what the sidecar says. By block_index().
    const BlockBitmap& stored() const { return stored_; }
    const BlockBitmap& doubtful() const { return doubtful_; }
    std::size_t block_index(PieceIndex piece, std::uint32_t block) const {
        return std::size_t{piece.value()} * layout_.blocks_per_piece() + block;
    }
    static std::size_t block_total(const Layout& layout) {
        return std::size_t{layout.piece_count()} * layout.blocks_per_piece();
    }

  private:
    struct Waiter {
        std::optional<ReadId> id;
        ByteRange range;
        std::unique_ptr<ReadReply> reply;
        Patience patience;
    };
    /// Waiters of one piece: each read waits for the first of its pieces that is not at hand, and moves on
    /// from there, so that a piece lost meanwhile is simply waited for again.
    using Waiters = std::list<Waiter>;
    struct Parked {
        PieceIndex piece;
        Waiters::iterator position;
    };
    struct MemoryPiece {
        PieceBufferPtr buffer;
        std::vector<bool> verified;  ///< by block
    };
    enum class BlockState : std::uint8_t { missing, claimed, in_memory, on_disk };
    struct Found {
        std::vector<ReadSegment> segments;
        std::optional<PieceIndex> wait_for;  ///< the first piece that is not at hand
        bool missing = false;                ///< some block is not even claimed
    };

    /// Pieces share counters, so that a torrent of many pieces takes no more memory.
    static constexpr std::size_t kLossCounters = 64;
    std::atomic<std::uint64_t>& losses_of(PieceIndex piece) { return losses_[piece.value() % kLossCounters]; }

    BlockState state(PieceIndex piece, std::uint32_t block, const MemoryPiece* memory) const;
    bool all_missing(BlockSpan blocks) const;
    bool claimed_whole(PieceIndex piece) const;
    bool is_doubtful(PieceIndex piece) const;
    void lose_bits(BlockSpan blocks);
    bool drop_unproven_adoption(PieceIndex piece);
    void set_on_disk(BlockSpan blocks);
    const MemoryPiece* in_memory(PieceIndex piece) const;
    std::uint64_t bytes_of(BlockSpan blocks) const;
    Found look(ByteRange range, CacheActions& actions);
    void park(Waiters& from, Waiters::iterator waiter, PieceIndex piece);
    void wake(PieceIndex piece, CacheActions& actions);
    template <class F>
    bool each_piece(ByteRange range, F&& f) const;

    const Layout& layout_;
    BlockBitmap stored_;                        // changed under mutex_
    BlockBitmap proven_;                        // changed under mutex_; a part of what is stored or adopted
    BlockBitmap doubtful_;                      // changed under mutex_; a part of stored_, without proven_
    BlockBitmap adopted_;                       // by piece; changed under mutex_; none of it is stored
    BlockBitmap adopted_doubtful_;              // by piece; changed under mutex_; a part of adopted_
    std::atomic<std::uint64_t> bytes_had_ = 0;  // changed under mutex_
    /// Changed under mutex_, after the bits of what was lost and before anybody may write in its place.
    std::array<std::atomic<std::uint64_t>, kLossCounters> losses_{};

    mutable std::mutex mutex_;
    // Guarded by mutex_:
    std::unordered_map<PieceIndex, MemoryPiece> memory_;
    std::unordered_set<PieceIndex> proving_;
    std::unordered_map<PieceIndex, Waiters> waiters_;
    std::unordered_map<ReadId, Parked> parked_by_id_;
    std::size_t parked_count_ = 0;
    std::optional<Error> closed_;
};

}  // namespace btfs
