// The file system without FUSE: names, attributes, listings, reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/core/error.hpp"
#include "fs/attributes.hpp"
#include "fs/handle.hpp"
#include "fs/handle_table.hpp"
#include "fs/inode_numbers.hpp"
#include "fs/mount_commands.hpp"
#include "fs/mounted_torrent.hpp"
#include "fs/place.hpp"
#include "fs/processes.hpp"
#include "fs/read_path.hpp"
#include "fs/reader_status.hpp"
#include "fs/virtual_folder.hpp"

namespace btfs {

struct Usage {
    std::uint64_t total_size = 0;
    std::uint64_t node_count = 0;
    std::uint64_t room = 0;  ///< bytes that may be written, all of them to the folder `add`
};

/// Snapshot of one directory, taken when it is opened. Destroyed before the Filesystem.
class Listing {
  public:
    using Entry = NamedAttributes;

    Listing(Place directory, const Attributes& parent) : directory_(std::move(directory)), parent_(parent) {}

    /// "." and ".." come first, so that there are at least two.
    std::size_t size() const { return 2 + directory_.child_count(); }
    Entry at(std::size_t position) const;

  private:
    Place directory_;
    Attributes parent_;
};

/// The whole mount: its torrents, its virtual files, its open handles. Called from any thread; does not wait
/// for network or disk. Torrents come and go at any time.
class Filesystem {
  public:
    struct Options {
        std::vector<VirtualFile> virtual_files = {};
        std::optional<VirtualMembers> virtual_members = {};  ///< in the folder of the virtual files
        /// Commands that programs give by writing there; they outlive this. Null: nothing can be written.
        MountCommands* commands = nullptr;
        InodeWidth inode_width = InodeWidth::bits63;
        ReadPath::Now now = Clock::now;
        const Processes* processes = nullptr;  ///< null: those of /proc
    };

    Filesystem() : Filesystem(Options{}) {}
    explicit Filesystem(Options options)
        : virtual_(std::move(options.virtual_files), std::move(options.virtual_members), options.commands,
                   options.now),
          inode_numbers_(options.inode_width),
          read_path_(std::move(options.now), options.processes ? *options.processes : proc_) {
        read_path_.set_find_episode([this](const MountedTorrent& torrent, NodeIndex file) {
            return next_episode(*root_.get(), torrent, file);
        });
    }

    /// Adds a torrent: it is visible when this returns.
    Slot add(const TorrentContent& content);
    /// Removes a torrent: no path leads there any more, and READs of it that wait, or would wait, fail with
    /// ESTALE. Files that are open read on what was verified. False if it is not there.
    bool remove(Slot torrent);
    /// Has it called with all names of each torrent that is removed, on the thread that removes it; null: has
    /// nothing called.
    void set_on_removed(std::function<void(const std::vector<std::string>&)> on_removed);
    /// Returns the name of a torrent in the root's listing. It changes if another torrent of that name is
    /// added. Empty if the torrent is not there.
    std::string name_of(Slot torrent) const;
    /// Returns the names of all torrents in the root's listing.
    std::unordered_map<Slot, std::string> names() const;

    /// Of any node, "." gives itself and ".." the folder that it stands in: what a file handle needs.
    /// A file that was taken from the folder `add` is found by the process of `thread`, which wrote it, for a
    /// while; by nobody, if that is nothing.
    Result<Attributes> lookup(NodeId parent, std::string_view name, std::optional<pid_t> thread = {}) const;
    Result<Attributes> attributes(NodeId node) const;
    Result<std::string> symlink_target(NodeId node) const;
    struct FileExtents {
        Slot torrent;
        std::vector<ByteRange> files;  ///< the places of files in it; empty ones are left out
    };
    /// The file of a torrent, or all files below a folder of it. not_found for nodes of no torrent.
    Result<FileExtents> extents(NodeId node) const;
    struct TorrentFile {
        std::string path;  ///< below the mountpoint
        std::uint64_t size = 0;
        std::uint64_t offset_in_torrent = 0;
    };
    /// The files of a torrent, sorted by their places in it; none if the torrent is not there.
    std::vector<TorrentFile> files(Slot torrent) const;
    /// The mount's root does not list VirtualFolder::kName, though lookup() finds it.
    Result<Listing> list(NodeId node) const;

    struct OpenListing {
        std::uint64_t handle;
        Validity validity;  ///< of the entries
    };
    /// Opens a listing for the kernel: kept until close_listing(), or until the end.
    Result<OpenListing> open_listing(NodeId node);
    /// Returns null for a handle that is not open.
    std::shared_ptr<const Listing> listing(std::uint64_t handle) const { return listings_.get(handle); }
    void close_listing(std::uint64_t handle) { listings_.close(handle); }
    Usage usage() const;
    /// The files of torrents in the mount that are open.
    std::vector<ReaderStatus> readers() const;

    /// Opens a file for the kernel, of a torrent or virtual: kept until release(), or until the end.
    Result<Handle*> open(NodeId node, const Opening& opening);
    Result<Handle*> open(NodeId node, bool for_writing) {
        return open(node, Opening{.for_writing = for_writing});
    }
    struct Created {
        Attributes attributes;
        Handle* handle;
    };
    /// Makes a file and opens it, as open() has it. read_only but in the folder that takes files.
    Result<Created> create(NodeId folder, std::string_view name, const Opening& opening);
    /// Changes attributes: of a file that takes commands its size, and others to no effect, so that programs
    /// that copy them are content. read_only for all other nodes. `by_path`: the thread that does so without
    /// a descriptor. The size of a file `remove` can be changed by its descriptors alone, whose
    /// Handle::truncated() is called then: bad_size, unless the thread is the kernel's NFS server, which
    /// empties a file so before it writes.
    Result<Attributes> change(NodeId node, std::optional<std::uint64_t> size, bool may_command,
                              std::optional<pid_t> by_path = {});
    /// Renames a file within the folder `add`, which takes a file that had a temporary name. read_only for
    /// all others. `done` is called as MountCommands has it.
    void rename(NodeId folder, std::string_view name, NodeId new_folder, std::string_view new_name,
                pid_t thread, bool may_command, CommandDone done);
    /// Removes a temporary file from the folder `add`, or the name of one that was taken. read_only for all
    /// others.
    Error unlink(NodeId folder, std::string_view name, pid_t thread, bool may_command);
    /// False: nothing in the mount can be written.
    bool takes_commands() const { return virtual_.takes_commands(); }
    /// The kernel has closed the file, whose handle is gone on return.
    void release(Handle& handle);
    ReadPath& read_path() { return read_path_; }

    /// Fails waiting READs with EIO, and from now on all READs that would wait; also of torrents added later.
    void close();

  private:
    Result<Place> find(NodeId node) const;
    Handle* keep(std::unique_ptr<Handle> handle);

    VirtualFolder virtual_;
    InodeNumbers inode_numbers_;
    PublishedRoot root_;
    std::atomic<bool> closed_{false};
    HandleTable<Listing> listings_;
    const ProcProcesses proc_;
    ReadPath read_path_;

    std::mutex on_removed_mutex_;
    std::function<void(const std::vector<std::string>&)> on_removed_;  // guarded by on_removed_mutex_

    std::mutex handles_mutex_;
    std::unordered_map<const Handle*, std::unique_ptr<Handle>> handles_;  // guarded by handles_mutex_
};

}  // namespace btfs
