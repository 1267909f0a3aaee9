#include "fs/mounted_torrent.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "fs/root_names.hpp"
#include "fs/virtual_folder.hpp"

namespace btfs {

namespace {

std::optional<Slot> find_in(const std::vector<MountRoot::Entry>& entries, std::string_view name) {
    const auto found = std::ranges::lower_bound(entries, name, {}, &MountRoot::Entry::name);
    if (found == entries.end() || found->name != name) return std::nullopt;
    return found->slot;
}

void insert(std::vector<MountRoot::Entry>& entries, MountRoot::Entry entry) {
    const auto place = std::ranges::lower_bound(entries, entry.name, {}, &MountRoot::Entry::name);
    entries.insert(place, std::move(entry));
}

}  // namespace

std::optional<Slot> MountRoot::find(std::string_view name) const {
    const auto listed = find_in(by_name, name);
    return listed ? listed : find_in(earlier, name);
}

const std::shared_ptr<const MountedTorrent>* MountRoot::torrent(Slot slot) const {
    const auto found = std::ranges::lower_bound(torrents, slot, {}, &Shown::slot);
    return found == torrents.end() || found->slot != slot ? nullptr : &found->torrent;
}

Slot MountRoot::free_slot(const Sha1Digest& info_hash) const {
    Slot slot = 0;
    for (std::byte b : info_hash.view().first(sizeof slot)) slot = slot << 8 | std::to_integer<Slot>(b);
    while (slot == 0 || torrent(slot) != nullptr) ++slot;
    return slot;
}

const std::string& MountRoot::name_of(Slot slot) const {
    return std::ranges::find(by_name, slot, &Entry::slot)->name;
}

MountRoot MountRoot::with(Slot slot, std::shared_ptr<const MountedTorrent> torrent) const {
    MountRoot root = *this;
    const InodeTree& tree = torrent->tree;
    root.total_size += tree.total_size();
    root.node_count += tree.nodes().size();
    root.directory_count += tree.nodes()[0].kind == NodeKind::directory;
    root.modified = std::max(root.modified, torrent->modified);
    root.torrents.insert(std::ranges::upper_bound(root.torrents, slot, {}, &Shown::slot),
                         {slot, std::move(torrent)});
    const std::string_view name = tree.nodes()[0].name;
    if (name == VirtualFolder::kName || find(name)) {
        root.name_all();
    } else {
        insert(root.by_name, {std::string(name), slot});
    }
    return root;
}

void MountRoot::name_all() {
    std::vector<NamedTorrent> named;
    for (const auto& [slot, torrent] : torrents)
        named.push_back({torrent->tree.nodes()[0].name, torrent->info_hash});
    const std::vector<std::string> names = root_names(named, VirtualFolder::kName);
    const std::vector<Entry> before = std::exchange(by_name, {});
    for (std::size_t i = 0; i < names.size(); ++i) by_name.push_back({names[i], torrents[i].slot});
    std::ranges::sort(by_name, {}, &Entry::name);
    for (const Entry& entry : before) {
        if (find_in(by_name, entry.name) != entry.slot && !find_in(earlier, entry.name))
            insert(earlier, entry);
    }
}

Slot PublishedRoot::add(std::shared_ptr<const MountedTorrent> torrent) {
    std::lock_guard one_at_a_time(adding_);
    const auto before = get();
    const Slot slot = before->free_slot(torrent->info_hash);
    auto root = std::make_shared<const MountRoot>(before->with(slot, std::move(torrent)));
    std::lock_guard lock(mutex_);
    root_ = std::move(root);
    return slot;
}

}  // namespace btfs
