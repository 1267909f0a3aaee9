// Torrents of the mount, each with its tree, and the root that names them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/read_side.hpp"
#include "engine/core/file_list.hpp"
#include "fs/demand_sink.hpp"
#include "fs/inode_tree.hpp"

namespace btfs {

/// A torrent to add. `info_hash` and `files` are read during Filesystem::add() only; `reads` and `demand`
/// outlive the Filesystem, or `in_use`. `demand` outlives `reads`, whose last answers it may get to know of.
struct TorrentContent {
    const Sha1Digest& info_hash;  ///< inode numbers and file handles derive from it
    const FileList& files;
    ReadSide& reads;
    DemandSink& demand;
    std::int64_t modified = 0;  ///< mtime of everything in it, seconds since 1970
    /// Destroyed, on any thread, once the torrent was removed and neither a file of it nor a listing that
    /// shows it is open.
    std::shared_ptr<const void> in_use = nullptr;
};

/// A torrent in the mount. Immutable, but for the objects behind `reads` and `demand`.
struct MountedTorrent {
    MountedTorrent(const TorrentContent& content, InodeNumbers& numbers)
        : info_hash(content.info_hash),
          tree(content.files, content.info_hash, numbers),
          reads(content.reads),
          demand(content.demand),
          modified(content.modified),
          in_use(content.in_use) {}

    Sha1Digest info_hash;
    InodeTree tree;
    ReadSide& reads;
    DemandSink& demand;
    std::int64_t modified;
    std::shared_ptr<const void> in_use;  ///< last: what is above uses what it keeps
};

/// Names a torrent in the mount, and in file handles that outlive it: the first 32 bits of its info-hash or,
/// if that number is taken or too small, the next one that is free. Slot 0 is the mount's own nodes. Never
/// given to another torrent, also after a removal.
using Slot = std::uint32_t;

/// A state of the mount's root.
class MountRoot {
  public:
    struct Entry {
        std::string name;
        Slot slot;
    };

    struct Shown {
        Slot slot;
        std::shared_ptr<const MountedTorrent> torrent;
    };

    std::vector<Shown> torrents;  ///< sorted by slot
    std::vector<Entry> by_name;   ///< the listing, sorted
    /// Sorted. Names that were listed until a second torrent of that name came: they lead to the first as
    /// before.
    std::vector<Entry> earlier;
    std::uint64_t total_size = 0;
    std::uint64_t node_count = 0;
    std::uint32_t directory_count = 0;
    std::int64_t modified = 0;

    /// Returns null for a slot that is not used.
    const std::shared_ptr<const MountedTorrent>* torrent(Slot slot) const;
    /// Returns the slot for a new torrent of this info-hash, which had it before if it was here before.
    Slot free_slot(const Sha1Digest& info_hash) const;
    std::optional<Slot> find(std::string_view name) const;
    /// Returns a torrent's name in the listing; empty if it is not there.
    std::string_view name_of(Slot slot) const;
    /// Adds a torrent. Names follow from the set of torrents; see root_names().
    void add(Slot slot, std::shared_ptr<const MountedTorrent> torrent);
    struct Removed {
        std::shared_ptr<const MountedTorrent> torrent;  ///< null: there was none
        std::vector<std::string> names;                 ///< that led to it
    };
    /// Removes a torrent and its names.
    Removed remove(Slot slot);

  private:
    void name_all();

    std::map<Slot, Sha1Digest> removed_;  ///< slots that are kept for the torrents that had them
};

/// Publishes the present root: snapshots are immutable, so that a listing under way stays whole. A snapshot
/// is made when the first caller asks for it: ten thousand torrents that are added in a row cost one copy of
/// the root, not one each. From any thread.
class PublishedRoot {
  public:
    std::shared_ptr<const MountRoot> get() const;
    Slot add(std::shared_ptr<const MountedTorrent> torrent);
    /// As MountRoot has it.
    MountRoot::Removed remove(Slot slot);

  private:
    mutable std::mutex mutex_;
    // Guarded by mutex_:
    MountRoot root_;
    mutable std::shared_ptr<const MountRoot> snapshot_;  ///< of root_; null: not made yet
};

}  // namespace btfs
