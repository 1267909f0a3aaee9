// What the mount can do, without a word of FUSE: names, attributes, listings, reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/core/error.hpp"
#include "fs/mounted_torrent.hpp"
#include "fs/read_path.hpp"

namespace btfs {

/// A node of the mount: slot << 32 | index in the torrent's tree. Never reused, so the kernel's forgetting
/// needs no accounts.
using NodeId = std::uint64_t;
inline constexpr NodeId kRootNode = 1;

struct Attributes {
    NodeId node = 0;
    std::uint64_t inode = 0;
    NodeKind kind = NodeKind::directory;
    bool executable = false;
    std::uint64_t size = 0;
    std::uint32_t links = 1;
    std::int64_t modified = 0;
};

struct Usage {
    std::uint64_t total_size = 0;
    std::uint64_t node_count = 0;
};

/// One directory as it was when it was opened.
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
    Listing(std::shared_ptr<const MountRoot> root, std::shared_ptr<const MountedTorrent> torrent, Slot slot,
            NodeIndex directory)
        : root_(std::move(root)), torrent_(std::move(torrent)), slot_(slot), directory_(directory) {}

    std::shared_ptr<const MountRoot> root_;
    std::shared_ptr<const MountedTorrent> torrent_;  ///< null for the mount's root
    Slot slot_;
    NodeIndex directory_;
};

/// The whole mount. Called from any thread; nothing here waits for network or disk. Torrents are added at
/// any time and stay.
class Filesystem {
  public:
    explicit Filesystem(ReadPath::Now now = Clock::now) : read_path_(std::move(now)) {}

    /// Shows a torrent. Gives its name at the mount's root.
    std::string add(const TorrentContent& content);

    Result<Attributes> lookup(NodeId parent, std::string_view name) const;
    Result<Attributes> attributes(NodeId node) const;
    Result<std::string_view> symlink_target(NodeId node) const;
    Result<Listing> list(NodeId node) const;
    /// A listing for a handle of the kernel's: kept until it is closed, or until the end if it never is.
    Result<std::uint64_t> open_listing(NodeId node);
    /// Null for what is not open.
    std::shared_ptr<const Listing> listing(std::uint64_t handle) const;
    void close_listing(std::uint64_t handle);
    Usage usage() const;

    Result<OpenFile*> open(NodeId node, bool for_writing);
    /// Any range: it is cut to the file. Gives what ReadPath::read() does.
    std::optional<ByteRange> read(OpenFile& file, ReadPath::Request request,
                                  std::unique_ptr<InterruptibleReply> reply);
    ReadPath& read_path() { return read_path_; }

    /// Ends what waits, with EIO, now and from now on; also for torrents added later.
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

    PublishedRoot root_;
    std::atomic<bool> closed_{false};
    mutable std::mutex mutex_;  // guards what follows
    std::uint64_t last_listing_ = 0;
    std::unordered_map<std::uint64_t, std::shared_ptr<const Listing>> listings_;
    ReadPath read_path_;
};

}  // namespace btfs
