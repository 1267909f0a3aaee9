// The file system without FUSE: names, attributes, listings, reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/error.hpp"
#include "fs/attributes.hpp"
#include "fs/handle_table.hpp"
#include "fs/inode_numbers.hpp"
#include "fs/mounted_torrent.hpp"
#include "fs/processes.hpp"
#include "fs/read_path.hpp"
#include "fs/virtual_folder.hpp"

namespace btfs {

struct Usage {
    std::uint64_t total_size = 0;
    std::uint64_t node_count = 0;
};

/// Snapshot of one directory, taken when it is opened. Destroyed before the Filesystem.
class Listing {
  public:
    struct Entry {
        std::string_view name;
        Attributes attributes;
    };

    /// "." and ".." come first, so that there are at least two.
    std::size_t size() const;
    Entry at(std::size_t position) const;

  private:
    friend class Filesystem;
    explicit Listing(std::vector<Entry> first) : first_(std::move(first)) {}

    std::vector<Entry> first_;                       ///< ".", ".." and, of .btfs, its files
    std::shared_ptr<const MountRoot> root_;          ///< of the root: its torrents follow
    std::shared_ptr<const MountedTorrent> torrent_;  ///< of a torrent's folder: its children follow
    Slot slot_ = 0;
    NodeIndex directory_ = 0;
};

/// The whole mount: its torrents, its virtual files, its open handles. Called from any thread; does not wait
/// for network or disk. Torrents may be added at any time, and stay until the end.
class Filesystem {
  public:
    struct Options {
        std::vector<VirtualFile> virtual_files = {};
        InodeWidth inode_width = InodeWidth::bits63;
        ReadPath::Now now = Clock::now;
        const Processes* processes = nullptr;  ///< null: those of /proc
    };

    Filesystem() : Filesystem(Options{}) {}
    explicit Filesystem(Options options)
        : virtual_(std::move(options.virtual_files)),
          inode_numbers_(options.inode_width),
          read_path_(std::move(options.now), options.processes ? *options.processes : proc_) {}

    /// Adds a torrent: it is visible when this returns.
    Slot add(const TorrentContent& content);
    /// Returns the name of a torrent in the root's listing. It changes if another torrent of that name is
    /// added.
    std::string name_of(Slot torrent) const;

    /// Of any node, "." gives itself and ".." the folder that it stands in: what a file handle needs.
    Result<Attributes> lookup(NodeId parent, std::string_view name) const;
    Result<Attributes> attributes(NodeId node) const;
    Result<std::string_view> symlink_target(NodeId node) const;
    /// The mount's root does not list VirtualFolder::kName, though lookup() finds it.
    Result<Listing> list(NodeId node) const;
    /// Opens a listing for the kernel: kept until close_listing(), or until the end.
    Result<std::uint64_t> open_listing(NodeId node);
    /// Returns null for a handle that is not open.
    std::shared_ptr<const Listing> listing(std::uint64_t handle) const { return listings_.get(handle); }
    void close_listing(std::uint64_t handle) { listings_.close(handle); }
    /// Opens the text of a virtual file in the same way.
    Result<std::uint64_t> open_text(NodeId node, bool for_writing);
    std::shared_ptr<const std::string> text(std::uint64_t handle) const;
    void close_text(std::uint64_t handle) { texts_.close(handle); }
    Usage usage() const;

    /// Opens a torrent's file; ReadPath::release() closes it.
    Result<OpenFile*> open(NodeId node, bool for_writing);
    /// Reads any range, which is cut to the file. Returns what ReadPath::read() does.
    std::optional<ByteRange> read(OpenFile& file, ReadPath::Request request,
                                  std::unique_ptr<InterruptibleReply> reply);
    ReadPath& read_path() { return read_path_; }

    /// Fails waiting READs with EIO, and from now on all READs that would wait; also of torrents added later.
    void close();

  private:
    struct Place {
        std::shared_ptr<const MountRoot> root;
        Slot slot;
        NodeIndex index;
        std::shared_ptr<const MountedTorrent> torrent;  ///< null for the mount's root
        const Node& node() const { return torrent->tree.nodes()[index]; }
    };
    Result<Place> find(NodeId node) const;
    Attributes attributes_of_root(const MountRoot& root) const;
    Result<Attributes> parent_of(NodeId node) const;

    const VirtualFolder virtual_;
    InodeNumbers inode_numbers_;
    PublishedRoot root_;
    std::atomic<bool> closed_{false};
    HandleTable<Listing> listings_;
    HandleTable<std::shared_ptr<const VirtualFolder::Snapshot>> texts_;
    const ProcProcesses proc_;
    ReadPath read_path_;
};

}  // namespace btfs
