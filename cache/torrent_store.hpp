// One torrent's content in the cache: what the engine fills and a file system reads.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "cache/block_cache.hpp"
#include "cache/claims.hpp"
#include "cache/data_file.hpp"
#include "cache/disk_health.hpp"
#include "cache/disk_pool.hpp"
#include "cache/event_gate.hpp"
#include "cache/first_pass.hpp"
#include "cache/piece_memory.hpp"
#include "cache/read_side.hpp"
#include "cache/sequential_reads.hpp"
#include "cache/spilling_piece.hpp"
#include "cache/use_count.hpp"
#include "cache/verifier.hpp"
#include "engine/core/identity.hpp"
#include "engine/core/layout.hpp"
#include "engine/core/piece_hashes.hpp"
#include "engine/storage.hpp"

namespace btfs {

/// What a store has to know of a torrent.
struct StoreSpec {
    Identity identity;
    Layout layout;
    PieceHashes hashes;
};

/// Carries out what BlockCache decides, on the disk pool's threads: hashing, writing, reading and proving.
/// The Storage functions are the engine thread's; the ReadSide functions anyone's. It has no thread of its
/// own and, idle, next to no memory. Opened by CacheDir.
class TorrentStore final : public Storage, public ReadSide {
  public:
    /// While the disk fails, this much of what it would not take is kept in memory, so that a reader who
    /// takes a piece in small reads does not have it fetched for each; the newest piece always is.
    static constexpr std::size_t kUnwrittenBytes = 16 << 20;
    /// Larger pieces spill.
    static constexpr std::size_t kSpillFrom = 32 << 20;
    /// What such a piece takes of the memory budget: so much may wait for a slow disk before it is too much.
    static constexpr std::size_t kSpillShare = 24 << 20;

    TorrentStore(StoreSpec spec, std::filesystem::path data_path, std::unique_ptr<Claims> claims,
                 const EarlierClaims& earlier, DiskPool& pool, PieceMemory& memory);
    TorrentStore(const TorrentStore&) = delete;
    TorrentStore& operator=(const TorrentStore&) = delete;
    /// The clean end: fails parked reads, writes what was verified, syncs, and marks the claims clean.
    /// Waits for the disk.
    ~TorrentStore() override;

    const Layout& layout() const { return spec_.layout; }

    // Storage
    void attach(StorageEvents& events) override;
    void detach() override;
    Bitfield available() const override;
    Bitfield unproven() const override;
    PieceBufferPtr acquire(PieceIndex piece, Urgency urgency) override;
    void verify(PieceIndex piece, PieceBufferPtr buffer, bool want_block_digests) override;
    void read(ReadTicket ticket, BlockRef range) override;

    // ReadSide
    ReadOutcome read(ReadId id, ByteRange range, std::unique_ptr<ReadReply> reply) override;
    bool cancel(ReadId id, Error error) override;
    void close(Error error) override;
    bool has(ByteRange range) const override;
    void expect(ByteRange range) override;
    bool leave_behind(ByteRange range) override;
    std::uint64_t bytes_had() const override;

  private:
    class UploadReply;
    struct Unwritten {
        PieceIndex piece;
        PieceBufferPtr buffer;
    };
    enum class MayWait : std::uint8_t { no, yes };

    void load(const EarlierClaims& earlier);
    PieceBufferPtr acquire_spilling(PieceIndex piece, MemoryUse use);
    std::shared_ptr<SpillingPiece> spilling(PieceIndex piece);
    void close_spilling();
    void zero_padding(PieceIndex piece, std::span<std::byte> content) const;
    Task job(Task work);

    // On the disk pool's threads:
    void verify_now(PieceIndex piece, PieceBufferPtr buffer, bool want_block_digests);
    void verify_spilled(PieceIndex piece, std::shared_ptr<SpillingPiece> spilled, bool want_block_digests);
    void publish_spilled(PieceIndex piece, std::vector<Sha1Digest> block_digests);
    void write_now(PieceIndex piece, PieceBufferPtr buffer);
    void prove_now(PieceIndex piece);
    void begin_proof(PieceIndex piece);

    void carry_out(CacheActions actions, MayWait may_wait);
    void answer(ReadyRead read, MayWait may_wait);
    void read_later(ReadyRead read);
    void read_ahead(ByteRange range, bool cold);
    void lose(PieceIndex piece);
    void lose_stored(PieceIndex piece);
    void save_claims(BlockSpan blocks);
    void keep_unwritten(PieceIndex piece, PieceBufferPtr buffer);
    bool drop_unwritten_beyond(std::size_t bytes);
    void offer_unwritten();
    bool retry_write();
    void retry_all_writes();
    void on_write_failed(Error error);
    void on_write_worked();
    void wait_for_credit(std::size_t size, MemoryUse use);
    void wait_for_disk();

    const StoreSpec spec_;
    const Verifier verifier_;
    DiskPool& pool_;
    PieceMemory& memory_;
    BlockCache cache_;
    DataFile data_;
    const std::unique_ptr<Claims> claims_;
    DiskHealth health_;
    EventGate events_;
    std::atomic<bool> closed_ = false;

    std::mutex credit_mutex_;
    // Guarded by credit_mutex_: who was told "no credit" and hears of memory, or of the disk, once.
    std::array<bool, 2> waits_for_memory_{};  // by MemoryUse::ahead, blocked
    bool waits_for_disk_ = false;

    std::mutex unwritten_mutex_;
    // Guarded by unwritten_mutex_: verified pieces that the disk would not take, oldest first.
    std::deque<Unwritten> unwritten_;
    std::size_t unwritten_bytes_ = 0;
    bool offered_ = false;  ///< to whoever is short of memory

    std::mutex spilling_mutex_;
    // Guarded by spilling_mutex_: what is received, or was given up with a job under way.
    std::unordered_map<PieceIndex, std::weak_ptr<SpillingPiece>> spilling_;

    std::mutex sequence_mutex_;
    SequentialReads sequence_;  // guarded by sequence_mutex_
    FirstPass first_pass_;

    UseCount jobs_;  // last: jobs use all of the above
};

}  // namespace btfs
