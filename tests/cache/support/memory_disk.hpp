// Disk in memory that records every change, and model of what a power loss may leave of them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cache/disk/files.hpp"
#include "engine/core/rng.hpp"

namespace btfs::test {

/// One change of a disk, in the order in which the calls returned.
struct DiskChange {
    enum class Kind { create, write, zero, resize, sync, failed_sync, rename, remove, sync_folder };
    Kind kind;
    int file = 0;          ///< number of the file, never reused
    std::string name{};    ///< create, rename, remove
    std::string to{};      ///< rename
    std::uint64_t at = 0;  ///< write, zero: offset; resize: the new size
    std::uint64_t size = 0;
    Bytes bytes{};
};

/// Content of a disk: by number of the file, and the names.
struct DiskImage {
    std::map<std::string, int> names;
    std::map<int, Bytes> contents;

    /// Null if there is no such name.
    const Bytes* content(const std::string& name) const;
    /// As if each block of zeros were a hole.
    std::uint64_t bytes_on_disk() const;
};

/// A single folder. Locks hold until the file is closed. Called from any thread.
class MemoryDisk final : public Files {
  public:
    static constexpr std::uint64_t kSize = std::uint64_t{1} << 40;  ///< as it says

    explicit MemoryDisk(DiskImage image = {});

    /// Returns all changes so far. Called while no store uses the disk.
    const std::vector<DiskChange>& changes() const;
    DiskImage image() const;
    /// The next sync of a file fails with EIO, and what was written before may be lost for good.
    void fail_next_sync();
    /// Changes a byte behind everybody's back: not recorded as a change of the cache's.
    void flip_byte(const std::string& name, std::uint64_t offset);

    Result<std::unique_ptr<File>> open(const std::filesystem::path& name, const OpenHow& how) override;
    Result<FileStatus> status(const std::filesystem::path& name) override;
    Error rename(const std::filesystem::path& from, const std::filesystem::path& to) override;
    Error remove(const std::filesystem::path& name) override;
    Error sync_folder_of(const std::filesystem::path& name) override;
    Result<std::vector<std::string>> list() override;
    Result<std::uint64_t> bytes_free() override { return kSize; }
    Result<std::uint64_t> bytes_in_all() override { return kSize; }

  private:
    class OpenFile;
    struct State;
    const std::shared_ptr<State> state_;  // shared with the open files
};

/// Follows the changes of a disk and knows, for each page, all the contents that the disk under the page
/// cache may have: the one of the last sync and each one since, for each sector on its own. Names are changed
/// in order.
class CrashModel {
  public:
    void apply(const DiskChange& change);

    /// The process was killed: the page cache lives on.
    DiskImage after_kill() const;
    enum class Luck { nothing_unsynced, everything, names_alone, data_alone, random };
    /// The power failed.
    DiskImage after_power_loss(Luck luck, Rng& rng) const;

  private:
    static constexpr std::size_t kPage = 4096, kSector = 512;
    struct DirtyPage {
        std::vector<Bytes> versions;  ///< since it was last on the disk for certain, oldest first
        bool given_up = false;        ///< a sync failed: the next one does not write it
    };
    struct Node {
        Bytes now, durable;
        std::vector<std::uint64_t> sizes;  ///< unsynced ones
        std::map<std::size_t, DirtyPage> dirty;
    };
    static Bytes page(const Bytes& content, std::size_t index);
    static void put(Bytes& content, std::size_t offset, ByteView bytes);
    void touch(Node& node, std::uint64_t begin, std::uint64_t end);
    void resize(Node& node, std::uint64_t size);
    static void rename_in(std::map<std::string, int>& names, const DiskChange& change);

    std::map<int, Node> nodes_;
    std::map<std::string, int> durable_names_;
    std::vector<DiskChange> name_changes_;  ///< unsynced
};

}  // namespace btfs::test
