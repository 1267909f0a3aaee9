// A torrent with random content, a cache directory for it, and an engine and a reader that remember what
// they were told.
#pragma once

#include <sys/resource.h>

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "cache/cache_dir.hpp"
#include "engine/core/rng.hpp"
#include "tests/cache/support/fault_files.hpp"

namespace btfs::test {

/// A fresh directory, removed at the end.
class TempDir {
  public:
    TempDir();
    ~TempDir();
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

struct Torrent {
    StoreSpec spec;
    Bytes content;  ///< total_size() bytes, pad files zeros

    ByteView piece(PieceIndex index) const;
    ByteView bytes(ByteRange range) const { return ByteView(content).subspan(range.begin, range.size()); }
};

Torrent make_torrent(std::uint32_t piece_length, std::vector<FileExtent> files, std::uint64_t seed = 1);
inline Torrent make_torrent(std::uint32_t piece_length, std::uint64_t size, std::uint64_t seed = 1) {
    return make_torrent(piece_length, std::vector<FileExtent>{{0, size}}, seed);
}

/// Gives the torrent an info dictionary, which the cache keeps, and the info-hash of that.
void give_info(Torrent& torrent);

/// How one read ended. Shared by the reply and the test, as either may go first.
class ReadResult {
  public:
    void set_data(std::span<const iovec> parts);
    void set_error(Error error);
    bool done() const;
    /// Wait until the read has ended (a minute at most). Bytes are empty for an error.
    Bytes bytes();
    Error error();

  private:
    void wait(std::unique_lock<std::mutex>& lock);
    mutable std::mutex mutex_;
    std::condition_variable ended_;
    int times_ = 0;
    Bytes bytes_;
    Error error_;
};

std::unique_ptr<ReadReply> reply_to(std::shared_ptr<ReadResult> result);
/// Makes the read again when the store asks for that, as a file system does.
std::unique_ptr<ReadReply> reply_to(std::shared_ptr<ReadResult> result, ReadSide& store, ReadId id,
                                    ByteRange range);

/// Reads and waits. An error gives no bytes.
Bytes read_now(ReadSide& store, ByteRange range);

class RecordingEngine final : public StorageEvents {
  public:
    void on_verified(PieceIndex piece, std::vector<Sha1Digest> block_digests) override;
    void on_mismatch(PieceIndex piece, PieceBufferPtr buffer, std::vector<Sha1Digest> block_digests) override;
    void on_lost(PieceIndex piece) override;
    void on_evicted(const std::vector<PieceIndex>& pieces) override;
    void on_credit() override;
    void on_read(ReadTicket ticket, Result<ContentView> content) override;

    /// Waits until `condition` holds; false after a minute.
    template <class F>
    bool wait(F condition) {
        // In short turns, since not every condition changes with an event.
        std::unique_lock lock(mutex);
        const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        while (!changed.wait_for(lock, std::chrono::milliseconds(5), condition))
            if (std::chrono::steady_clock::now() > end) return false;
        return true;
    }
    bool wait_verified(PieceIndex piece) {
        return wait([&] { return verified.contains(piece.value()); });
    }
    bool wait_lost(PieceIndex piece) {
        return wait([&] { return lost.contains(piece.value()); });
    }

    std::mutex mutex;
    std::condition_variable changed;
    // Guarded by mutex, keyed by piece and ticket:
    std::map<std::uint32_t, std::vector<Sha1Digest>> verified;
    std::map<std::uint32_t, std::vector<Sha1Digest>> mismatched;
    std::map<std::uint32_t, int> lost;
    std::vector<PieceIndex> evicted;
    std::map<ReadTicket, Result<Bytes>> reads;
    int credits = 0;
};

/// Everything a store needs; the store is opened and reopened by the test.
struct World {
    explicit World(Torrent t, const LargePieceSizes& large_pieces = {})
        : torrent(std::move(t)), memory(PieceMemory::kDefaultBudget, large_pieces) {}

    TempDir dir;
    Torrent torrent;
    BootId boot_id{std::byte{7}};
    PieceMemory memory;
    RecordingEngine engine;
    std::unique_ptr<DiskPool> threads;  ///< see pool()
    std::optional<CacheSizes> sizes;    ///< none: the cache has no bound
    std::unique_ptr<CacheBound> bound;  ///< from the first open() on, if there are sizes
    std::unique_ptr<TorrentStore> store;
    std::shared_ptr<FaultFiles> faults;  ///< null before use_faults()
    /// Gives what another client has of the torrent, at each open(); none: nothing.
    std::function<std::unique_ptr<AdoptedFiles>()> adopted;

    /// From the next open() on the disk may fail.
    FaultFiles& use_faults();
    /// Its threads start with its first use: until then the process may fork.
    DiskPool& pool();
    /// Runs `work` in a process of its own, that is then killed. Only before the first use of pool(): a lock
    /// that a thread holds at the moment of a fork is never given back in the child.
    void run_and_kill(const std::function<void()>& work);

    std::filesystem::path data_path() const {
        return dir.path() / (torrent.spec.identity.cache_key() + ".data");
    }
    std::filesystem::path info_path() const {
        return dir.path() / (torrent.spec.identity.cache_key() + ".info");
    }
    std::filesystem::path claims_path() const {
        return dir.path() / (torrent.spec.identity.cache_key() + ".claims");
    }

    void open();
    /// Bytes on disk that the cache directory takes.
    std::uint64_t bytes_on_disk() const;
    void close() { store.reset(); }
    /// Gives the store a piece as the swarm would.
    void fill(PieceIndex piece, Urgency urgency = Urgency::readahead, bool want_digests = false);
    void fill_all();
    ByteRange range(std::uint64_t begin, std::uint64_t size) const { return {begin, begin + size}; }
    Bytes expected(ByteRange r) const {
        const ByteView view = torrent.bytes(r);
        return {view.begin(), view.end()};
    }
};

/// Writes blocks of `piece` into the buffer and reports them, as the engine does with a peer's blocks.
void receive_block(PieceBuffer& buffer, ByteView piece, std::uint32_t block);
void receive_all(PieceBuffer& buffer, ByteView piece);

/// Writing beyond the limit fails with EFBIG, for the whole process.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes);
    ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

  private:
    rlimit before_{};
};

/// Changes one byte of a file.
void flip_byte(const std::filesystem::path& path, std::uint64_t offset);
std::byte byte_at(const std::filesystem::path& path, std::uint64_t offset);

}  // namespace btfs::test
