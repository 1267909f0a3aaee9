// What stands in the mount: torrents, each with its tree, and the root that names them.
#pragma once

#include <cstdint>
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

/// A torrent that is to be shown. `info_hash` and `files` are read during Filesystem::add() only; `reads` and
/// `demand` live until the Filesystem has gone.
struct TorrentContent {
    const Sha1Digest& info_hash;  ///< what inode numbers derive from
    const FileList& files;
    ReadSide& reads;
    DemandSink& demand;
    std::int64_t modified = 0;  ///< mtime of everything in it, seconds since 1970
};

/// A torrent in the mount. Immutable, but for what stands behind its interfaces.
struct MountedTorrent {
    explicit MountedTorrent(const TorrentContent& content)
        : tree(content.files, content.info_hash),
          reads(content.reads),
          demand(content.demand),
          modified(content.modified) {}

    InodeTree tree;
    ReadSide& reads;
    DemandSink& demand;
    std::int64_t modified;
};

/// Names a torrent in the mount; 0 is the mount's root itself. Never reused.
using Slot = std::uint32_t;

/// A state of the mount's root: immutable, so that a listing under way stays whole.
struct MountRoot {
    struct Entry {
        std::string name;
        Slot slot;
    };

    std::vector<std::shared_ptr<const MountedTorrent>> torrents;  ///< by slot - 1
    std::vector<Entry> by_name;                                   ///< sorted
    std::uint64_t total_size = 0;
    std::uint64_t node_count = 0;
    std::uint32_t directory_count = 0;
    std::int64_t modified = 0;

    /// Null if there is none.
    const std::shared_ptr<const MountedTorrent>* torrent(Slot slot) const {
        return slot == 0 || slot > torrents.size() ? nullptr : &torrents[slot - 1];
    }
    std::optional<Slot> find(std::string_view name) const;
    /// This root and one torrent more. The newcomer to a name gets " (2)".
    MountRoot with(std::shared_ptr<const MountedTorrent> torrent) const;
};

/// The present root. Any thread reads it; it is replaced, never changed.
class PublishedRoot {
  public:
    std::shared_ptr<const MountRoot> get() const {
        std::lock_guard lock(mutex_);
        return root_;
    }
    /// Gives the slot and the name that the torrent got.
    MountRoot::Entry add(std::shared_ptr<const MountedTorrent> torrent);

  private:
    mutable std::mutex mutex_;  ///< guards the pointer only
    std::shared_ptr<const MountRoot> root_ = std::make_shared<MountRoot>();
    std::mutex adding_;  ///< one at a time
};

}  // namespace btfs
