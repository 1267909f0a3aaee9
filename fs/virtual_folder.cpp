#include "fs/virtual_folder.hpp"

#include <algorithm>
#include <ctime>

namespace btfs {

std::optional<Attributes> VirtualFolder::attributes(NodeId node) const {
    const bool folder = is_there() && node == kNode;
    if (!folder && file(node) == nullptr) return std::nullopt;
    return Attributes{.node = node,
                      .inode = node,
                      .generation = 0,
                      .kind = folder ? NodeKind::directory : NodeKind::file,
                      .executable = false,
                      .size = 0,
                      .links = folder ? 2U : 1U,
                      .modified = std::time(nullptr)};
}

std::optional<NodeId> VirtualFolder::find(std::string_view name) const {
    const auto found = std::ranges::find(files_, name, &VirtualFile::name);
    if (found == files_.end()) return std::nullopt;
    return node_of(static_cast<std::size_t>(found - files_.begin()));
}

const VirtualFile* VirtualFolder::file(NodeId node) const {
    if (node <= kNode || node - kNode > files_.size()) return nullptr;
    return &files_[node - kNode - 1];
}

}  // namespace btfs
