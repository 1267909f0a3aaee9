#include "fs/mounted_torrent.hpp"

#include <algorithm>

namespace btfs {

std::optional<Slot> MountRoot::find(std::string_view name) const {
    const auto found = std::ranges::lower_bound(by_name, name, {}, &Entry::name);
    if (found == by_name.end() || found->name != name) return std::nullopt;
    return found->slot;
}

MountRoot MountRoot::with(std::shared_ptr<const MountedTorrent> torrent) const {
    MountRoot root = *this;
    const InodeTree& tree = torrent->tree;
    root.total_size += tree.total_size();
    root.node_count += tree.nodes().size();
    root.directory_count += tree.nodes()[0].kind == NodeKind::directory;
    root.modified = std::max(root.modified, torrent->modified);
    const std::string name = distinct_name(tree.nodes()[0].name,
                                           [&](const std::string& taken) { return find(taken).has_value(); });
    root.torrents.push_back(std::move(torrent));
    const Entry entry{name, static_cast<Slot>(root.torrents.size())};
    root.by_name.insert(std::ranges::lower_bound(root.by_name, name, {}, &Entry::name), entry);
    return root;
}

MountRoot::Entry PublishedRoot::add(std::shared_ptr<const MountedTorrent> torrent) {
    std::lock_guard one_at_a_time(adding_);
    auto root = std::make_shared<const MountRoot>(get()->with(std::move(torrent)));
    const Slot slot = static_cast<Slot>(root->torrents.size());
    const MountRoot::Entry entry = *std::ranges::find(root->by_name, slot, &MountRoot::Entry::slot);
    std::lock_guard lock(mutex_);
    root_ = std::move(root);
    return entry;
}

}  // namespace btfs
