// .btfs at the mount's root: files that tell the state of the mount itself.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/attributes.hpp"

namespace btfs {

/// A file whose text is made each time it is looked up.
struct VirtualFile {
    std::string name;
    /// Called from any thread. May take a tenth of a second, but waits for neither network nor disk.
    std::function<std::string()> text;
};

/// The folder and its files; not there at all without files. No listing of the root shows it, so that walks
/// over the mount see nothing but torrents.
///
/// A lookup makes a snapshot of the file's text, with a NodeId of its own, unless the text is as it was last.
/// stat of a NodeId and reads of it see the same snapshot, so that its size is true,
/// to programs that trust it, too. All snapshots of a file have one inode number. From any thread.
class VirtualFolder {
  public:
    static constexpr std::string_view kName = ".btfs";
    static constexpr NodeId kNode = kRootNode + 1;
    static constexpr NodeId kFirstSnapshot = 256;

    /// Snapshots that are kept: so many, of so many bytes, without those that are open. A NodeId whose
    /// snapshot was dropped gets a new one when it is asked for.
    static constexpr std::size_t kMaxKept = 256;
    static constexpr std::size_t kMaxKeptBytes = 16 << 20;

    struct Snapshot {
        NodeId node;
        std::string text;
        std::int64_t made;  ///< seconds since 1970
    };

    explicit VirtualFolder(std::vector<VirtualFile> files) : files_(std::move(files)) {}

    /// True for the nodes that a VirtualFolder may have.
    static constexpr bool may_have(NodeId node) { return node >= kNode && node >> 32 == 0; }

    bool is_there() const { return !files_.empty(); }
    const std::vector<VirtualFile>& files() const { return files_; }

    /// Nothing for a node that is not its own.
    std::optional<Attributes> attributes(NodeId node) const;
    /// Of the file as it is now; nothing if there is none of that name.
    std::optional<Attributes> look_up(std::string_view name) const;
    /// The snapshot is kept until the caller has dropped it. Null for the folder itself, and for all that is
    /// not its own.
    std::shared_ptr<const Snapshot> open(NodeId node) const;

  private:
    bool is_file(NodeId node) const { return is_there() && node >= kFirstSnapshot; }
    std::size_t file_of(NodeId node) const { return (node - kFirstSnapshot) % files_.size(); }
    Attributes attributes_of(const Snapshot& snapshot) const;
    std::shared_ptr<const Snapshot> find(NodeId node) const;
    std::shared_ptr<const Snapshot> keep(Snapshot snapshot) const;

    const std::vector<VirtualFile> files_;
    mutable std::mutex mutex_;                                       // guards what follows
    mutable std::deque<std::shared_ptr<const Snapshot>> snapshots_;  ///< the newest last
    mutable std::size_t bytes_ = 0;
    mutable std::uint32_t last_number_ = 0;
};

}  // namespace btfs
