// .btfs at the mount's root: files that say how the mount itself fares.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/attributes.hpp"

namespace btfs {

/// A file whose text is made each time it is opened.
struct VirtualFile {
    std::string name;
    /// Called from any thread. May take a tenth of a second, but waits for neither network nor disk.
    std::function<std::string()> text;
};

/// The folder and its files: immutable, and not there at all without files. Who names it finds it; no listing
/// shows it, so that walks over the mount see nothing but torrents. Sizes are 0, as in /proc: what a file
/// will say is not known before it is opened. Everything was modified just now.
class VirtualFolder {
  public:
    static constexpr std::string_view kName = ".btfs";
    static constexpr NodeId kNode = kRootNode + 1;  ///< its files follow

    explicit VirtualFolder(std::vector<VirtualFile> files) : files_(std::move(files)) {}

    bool is_there() const { return !files_.empty(); }
    const std::vector<VirtualFile>& files() const { return files_; }
    static NodeId node_of(std::size_t file) { return kNode + 1 + file; }

    /// Nothing for a node that is not its own.
    std::optional<Attributes> attributes(NodeId node) const;
    std::optional<NodeId> find(std::string_view name) const;
    /// Null for the folder itself, and for all that is not its own.
    const VirtualFile* file(NodeId node) const;

  private:
    std::vector<VirtualFile> files_;
};

/// True for the nodes that a VirtualFolder may have.
constexpr bool is_virtual(NodeId node) {
    return node >= VirtualFolder::kNode && node >> 32 == 0;
}

}  // namespace btfs
