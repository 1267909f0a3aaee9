// Script that uses all functions of a cache directory, over any files, and checks the results.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "cache/cache_dir.hpp"
#include "tests/cache/support/store_world.hpp"

namespace btfs::test {

/// Pieces of a run: held in memory until they are written whole, or spilling.
struct PieceKind {
    const char* name;
    std::uint32_t piece_length;
    LargePieceSizes sizes;
};
inline constexpr PieceKind kWholePieces{"WholePieces", 2 * kBlockSize, {}};
/// Each block is written before the next one comes.
inline constexpr PieceKind kSpillingPieces{"SpillingPieces",
                                           4 * kBlockSize,
                                           {.spill_from = 2 * kBlockSize,
                                            .spill_share = 2 * kBlockSize,
                                            .spill_job = kBlockSize,
                                            .spill_room = kBlockSize,
                                            .streamed_proof = 2 * kBlockSize}};

/// One run of one torrent. Plays the engine that fetches whatever is lost, at once; what was evicted, when it
/// is read.
class CacheRun final : private StorageEvents {
  public:
    /// `bound`: bytes; none: the cache has no bound.
    CacheRun(std::shared_ptr<Files> files, const BootId& boot_id, const Torrent& torrent, DiskPool& pool,
             const LargePieceSizes& large_pieces = {}, std::optional<std::uint64_t> bound = {});
    ~CacheRun() override { close(); }

    const CacheDir& dir() const { return dir_; }
    /// An error of the disk; everything else wants it open.
    Error open();
    TorrentStore& store() { return *store_; }
    /// Waits until all that was written is claimed, then ends the store cleanly.
    void close();

    /// The swarm sends the piece, if it is missing. True if it is had then.
    bool fetch(PieceIndex piece);
    enum class Outcome { right, wrong, failed };
    /// Reads as a file system does. Pieces that are lost meanwhile come from the swarm.
    Outcome read(ByteRange range);
    /// Reads as an upload does, which does not wait for the swarm.
    Outcome upload(PieceIndex piece);
    /// How often a piece that was had was lost.
    std::size_t lost() const;
    std::size_t evicted() const;

  private:
    struct Answer;
    class Reply;

    void on_verified(PieceIndex piece, std::vector<Sha1Digest>) override;
    void on_mismatch(PieceIndex piece, PieceBufferPtr, std::vector<Sha1Digest>) override;
    void on_lost(PieceIndex piece) override;
    void on_evicted(const std::vector<PieceIndex>& pieces) override;
    void on_credit() override;
    void on_read(ReadTicket ticket, Result<ContentView> content) override;
    void supply(PieceIndex piece);
    void send_all(PieceIndex piece);
    /// Waits until `try_again` gives true; after each credit it is called once more.
    void with_credit(const std::function<bool()>& try_again);

    const Torrent& torrent_;
    DiskPool& pool_;
    PieceMemory memory_;
    CacheDir dir_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // Guarded by mutex_:
    std::vector<PieceIndex> wanted_;
    ByteRange reading_;
    std::vector<bool> had_;
    std::vector<bool> receiving_;  ///< until it is had, or lost
    std::size_t lost_ = 0, evicted_ = 0;
    std::size_t credits_ = 0;
    std::optional<Outcome> uploaded_;

    const std::optional<std::uint64_t> bound_bytes_;
    std::unique_ptr<CacheBound> bound_;
    std::unique_ptr<TorrentStore> store_;
    ReadId last_id_ = 0;
};

/// True if the bytes of the piece in the data file are those of the torrent.
bool is_on_file(const Bytes* data_file, const Torrent& torrent, PieceIndex piece);

}  // namespace btfs::test
