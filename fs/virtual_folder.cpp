#include "fs/virtual_folder.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

namespace btfs {
namespace {

// Snapshots are numbered in the 32 bits of slot 0; after so many the numbers begin anew.
constexpr NodeId kMaxNode = 0xffff'ffff;

}  // namespace

Attributes VirtualFolder::attributes_of(const Snapshot& snapshot) const {
    return {.node = snapshot.node,
            .inode = kNode + 1 + file_of(snapshot.node),
            .generation = 0,
            .kind = NodeKind::file,
            .executable = false,
            .size = snapshot.text.size(),
            .links = 1,
            .modified = snapshot.made,
            .validity = Validity::momentary};
}

std::optional<Attributes> VirtualFolder::attributes(NodeId node) const {
    if (is_there() && node == kNode)
        return Attributes{.node = kNode,
                          .inode = kNode,
                          .generation = 0,
                          .kind = NodeKind::directory,
                          .executable = false,
                          .size = 0,
                          .links = 2,
                          .modified = std::time(nullptr),
                          .validity = Validity::momentary};
    const auto snapshot = open(node);
    return snapshot ? std::optional(attributes_of(*snapshot)) : std::nullopt;
}

std::optional<Attributes> VirtualFolder::look_up(std::string_view name) const {
    const auto found = std::ranges::find(files_, name, &VirtualFile::name);
    if (found == files_.end()) return std::nullopt;
    return attributes_of(*keep(
        {kFirstSnapshot + static_cast<NodeId>(found - files_.begin()), found->text(), std::time(nullptr)}));
}

std::shared_ptr<const VirtualFolder::Snapshot> VirtualFolder::open(NodeId node) const {
    if (!is_file(node)) return nullptr;
    {
        std::lock_guard lock(mutex_);
        if (auto kept = find(node)) return kept;
    }
    Snapshot again{node, files_[file_of(node)].text(), std::time(nullptr)};
    std::lock_guard lock(mutex_);
    if (auto kept = find(node)) return kept;
    bytes_ += again.text.size();
    return snapshots_.emplace_front(std::make_shared<const Snapshot>(std::move(again)));
}

std::shared_ptr<const VirtualFolder::Snapshot> VirtualFolder::find(NodeId node) const {
    const auto found =
        std::ranges::find(snapshots_, node, [](const auto& snapshot) { return snapshot->node; });
    return found == snapshots_.end() ? nullptr : *found;
}

// `snapshot.node` says only of which file it is.
std::shared_ptr<const VirtualFolder::Snapshot> VirtualFolder::keep(Snapshot snapshot) const {
    const std::size_t file = file_of(snapshot.node);
    std::lock_guard lock(mutex_);
    const auto last = std::find_if(snapshots_.rbegin(), snapshots_.rend(),
                                   [&](const auto& kept) { return file_of(kept->node) == file; });
    if (last != snapshots_.rend() && (*last)->text == snapshot.text) return *last;
    do {
        if (kFirstSnapshot + (last_number_ + NodeId{1}) * files_.size() + file > kMaxNode) last_number_ = 0;
        snapshot.node = kFirstSnapshot + ++last_number_ * NodeId{files_.size()} + file;
    } while (find(snapshot.node));
    bytes_ += snapshot.text.size();
    auto kept = snapshots_.emplace_back(std::make_shared<const Snapshot>(std::move(snapshot)));
    std::size_t excess = snapshots_.size() - std::min(snapshots_.size(), kMaxKept);
    for (auto at = snapshots_.begin(); at + 1 < snapshots_.end() && (excess > 0 || bytes_ > kMaxKeptBytes);) {
        if (at->use_count() > 1) {  // open
            ++at;
            continue;
        }
        bytes_ -= (*at)->text.size();
        at = snapshots_.erase(at);
        if (excess > 0) --excess;
    }
    return kept;
}

}  // namespace btfs
