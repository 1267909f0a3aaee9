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
    const auto is_free = [&] {
        if (slot == 0 || torrent(slot) != nullptr) return false;
        const auto kept = removed_.find(slot);
        return kept == removed_.end() || kept->second == info_hash;
    };
    while (!is_free()) ++slot;
    return slot;
}

std::string_view MountRoot::name_of(Slot slot) const {
    const auto found = std::ranges::find(by_name, slot, &Entry::slot);
    return found == by_name.end() ? std::string_view() : found->name;
}

void MountRoot::add(Slot slot, std::shared_ptr<const MountedTorrent> torrent) {
    const InodeTree& tree = torrent->tree;
    const std::string_view name = tree.nodes()[0].name;
    total_size += tree.total_size();
    node_count += tree.nodes().size();
    directory_count += tree.nodes()[0].kind == NodeKind::directory;
    modified = std::max(modified, torrent->modified);
    torrents.insert(std::ranges::upper_bound(torrents, slot, {}, &Shown::slot), {slot, torrent});
    if (name == VirtualFolder::kName || find(name)) return name_all();
    insert(by_name, {std::string(name), slot});
}

MountRoot::Removed MountRoot::remove(Slot slot) {
    const auto found = std::ranges::lower_bound(torrents, slot, {}, &Shown::slot);
    if (found == torrents.end() || found->slot != slot) return {};
    Removed removed{std::move(found->torrent), {}};
    torrents.erase(found);
    removed_.emplace(slot, removed.torrent->info_hash);
    const InodeTree& tree = removed.torrent->tree;
    const std::string_view name = tree.nodes()[0].name;
    total_size -= tree.total_size();
    node_count -= tree.nodes().size();
    directory_count -= tree.nodes()[0].kind == NodeKind::directory;
    const bool had_its_name = name_of(slot) == name;
    const auto is_of_it = [&](const Entry& entry) { return entry.slot == slot; };
    for (std::vector<Entry>* entries : {&by_name, &earlier}) {
        for (const Entry& entry : *entries)
            if (is_of_it(entry)) removed.names.push_back(entry.name);
        std::erase_if(*entries, is_of_it);
    }
    if (!had_its_name) name_all();  // it shared its name, which may now be another's alone
    return removed;
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

std::shared_ptr<const MountRoot> PublishedRoot::get() const {
    std::lock_guard lock(mutex_);
    if (!snapshot_) snapshot_ = std::make_shared<const MountRoot>(root_);
    return snapshot_;
}

Slot PublishedRoot::add(std::shared_ptr<const MountedTorrent> torrent) {
    std::shared_ptr<const MountRoot> outdated;  // freed without the lock
    std::lock_guard lock(mutex_);
    outdated = std::exchange(snapshot_, nullptr);
    const Slot slot = root_.free_slot(torrent->info_hash);
    root_.add(slot, std::move(torrent));
    return slot;
}

MountRoot::Removed PublishedRoot::remove(Slot slot) {
    std::shared_ptr<const MountRoot> outdated;  // freed without the lock
    std::lock_guard lock(mutex_);
    outdated = std::exchange(snapshot_, nullptr);
    return root_.remove(slot);
}

}  // namespace btfs
