// Check of a torrent's content on disk: proves all that its claims say is there.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>

#include "cache/torrent_store.hpp"
#include "engine/storage.hpp"

namespace btfs {

struct CheckedPieces {
    std::uint32_t right = 0;
    std::uint32_t damaged = 0;  ///< they have lost their claims
    std::uint32_t unread = 0;   ///< the disk failed in a way that may pass; their claims stand
    std::uint64_t damaged_bytes = 0;
    std::uint64_t unread_bytes = 0;
};

/// Plays the engine of a store that nobody reads. It asks for a byte of each piece that is claimed, as an
/// upload does, so that the store proves the piece: by the same code, and with the same consequences, as
/// before any other first use. Used by one thread.
class TorrentCheck final : private StorageEvents {
  public:
    /// Pieces that are under way have so many bytes; the disk reads them ahead.
    static constexpr std::uint64_t kAhead = 32 << 20;

    /// `hashers`: threads that prove pieces at a time. `on_progress` hears how many bytes were done, on the
    /// calling thread.
    TorrentCheck(TorrentStore& store, unsigned hashers, std::function<void(std::uint64_t)> on_progress);

    /// Called once. Waits for the disk.
    CheckedPieces run();

  private:
    void on_verified(PieceIndex, std::vector<Sha1Digest>) override {}
    void on_mismatch(PieceIndex, PieceBufferPtr, std::vector<Sha1Digest>) override {}
    void on_lost(PieceIndex piece) override;
    void on_evicted(const std::vector<PieceIndex>&) override {}
    void on_credit() override {}
    void on_read(ReadTicket ticket, Result<ContentView> content) override;
    /// True if a piece of this size is too much now.
    bool is_full(std::uint64_t size);
    /// Waits until no more than `bytes` are under way.
    void wait_until_under_way(std::uint64_t bytes);

    TorrentStore& store_;
    const std::uint64_t most_under_way_;
    const std::function<void(std::uint64_t)> on_progress_;

    std::mutex mutex_;
    std::condition_variable changed_;
    // Guarded by mutex_:
    std::uint64_t under_way_ = 0;  ///< bytes
    std::uint64_t done_ = 0;       ///< bytes that on_progress_ has not heard of
    std::uint64_t awaited_ = 0;    ///< the caller is woken when so much is under way, and not for each piece
    std::set<PieceIndex> lost_;    ///< and their tickets have not ended yet
    CheckedPieces checked_;
};

}  // namespace btfs
