// Store of `btfs seed`: serves uploads from files where they lie.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "cache/adopted/file_tree.hpp"
#include "cache/disk/disk_pool.hpp"
#include "cache/disk/files.hpp"
#include "cache/disk/use_count.hpp"
#include "cache/event_gate.hpp"
#include "engine/core/layout.hpp"
#include "engine/storage.hpp"

namespace btfs {

/// Serves a torrent out of files that somebody else owns and may change. A file that is shorter, longer or
/// younger than when it was hashed, or is gone, is not read: its pieces are lost instead, since their hashes
/// no longer hold. A read that fails for a reason that may pass (no descriptors, no permission) loses
/// nothing. Storage's functions are the engine thread's; files are opened per read, on the disk pool.
class SeedStore final : public Storage {
  public:
    struct Spec {
        Layout layout;
        /// One for each of layout.files(); those of pad files are not looked at.
        std::vector<std::filesystem::path> paths;
        /// The status of each file before it was hashed; none: as they are now.
        std::vector<FileStatus> hashed{};
    };

    /// Every file must be there in its size, and as it was when it was hashed. A system error, or
    /// storage_corrupt if one has changed. `files` finds the paths; it and `pool` outlive the store.
    static Result<std::unique_ptr<SeedStore>> open(Spec spec, Files& files, DiskPool& pool);
    ~SeedStore() override;

    void attach(StorageEvents& events) override { events_.attach(events); }
    void detach() override { events_.detach(); }
    /// All but the pieces found changed.
    Bitfield available() const override;
    Bitfield unproven() const override { return Bitfield(spec_.layout.piece_count()); }
    /// Null always, and no credit follows: nothing is missing that could be fetched into these files.
    PieceBufferPtr acquire(PieceIndex, Urgency) override { return nullptr; }
    /// Never called, as acquire() gives no buffer.
    void verify(PieceIndex, PieceBufferPtr, bool) override {}
    void read(ReadTicket ticket, BlockRef range) override;

  private:
    SeedStore(Spec spec, Files& files, DiskPool& pool);
    void read_now(ReadTicket ticket, BlockRef range);
    Result<ContentView> content(BlockRef range);
    bool is_lost(PieceIndex piece) const;
    void lose(PieceIndex piece, std::size_t changed_file);

    const Spec spec_;
    FileTree tree_;
    DiskPool& pool_;
    EventGate events_;
    mutable std::mutex mutex_;
    Bitfield had_;  // guarded by mutex_
    UseCount jobs_;
};

}  // namespace btfs
