#include "fs/filesystem.hpp"

#include <algorithm>

#include "fs/errno_map.hpp"

namespace btfs {
namespace {

NodeId node_id(Slot slot, NodeIndex index) {
    return NodeId{slot} << 32 | index;
}

Attributes attributes_of_root(const MountRoot& root) {
    return {.node = kRootNode,
            .inode = kRootNode,
            .kind = NodeKind::directory,
            .executable = false,
            .size = 0,
            .links = 2 + root.directory_count,
            .modified = root.modified};
}

Attributes attributes_of(const MountedTorrent& torrent, Slot slot, const Node& node) {
    return {.node = node_id(slot, torrent.tree.index_of(node)),
            .inode = node.inode,
            .kind = node.kind,
            .executable = node.executable,
            .size = node.size,
            .links = node.kind == NodeKind::directory ? 2 + node.subdirectory_count : 1,
            .modified = torrent.modified};
}

}  // namespace

std::size_t Listing::size() const {
    return 2 + (torrent_ ? torrent_->tree.nodes()[directory_].child_count : root_->by_name.size());
}

Listing::Entry Listing::at(std::size_t position) const {
    if (!torrent_) {
        if (position < 2) return {position == 0 ? "." : "..", attributes_of_root(*root_)};
        const MountRoot::Entry& entry = root_->by_name[position - 2];
        const MountedTorrent& torrent = **root_->torrent(entry.slot);
        return {entry.name, attributes_of(torrent, entry.slot, torrent.tree.nodes()[0])};
    }
    const InodeTree& tree = torrent_->tree;
    const Node& directory = tree.nodes()[directory_];
    if (position == 0) return {".", attributes_of(*torrent_, slot_, directory)};
    if (position == 1) {
        if (directory_ == 0) return {"..", attributes_of_root(*root_)};
        return {"..", attributes_of(*torrent_, slot_, tree.nodes()[directory.parent])};
    }
    const Node& child = tree.children(directory)[position - 2];
    return {child.name, attributes_of(*torrent_, slot_, child)};
}

std::string Filesystem::add(const TorrentContent& content) {
    if (closed_) content.reads.close(fs_error::unmounted());
    std::string name = root_.add(std::make_shared<const MountedTorrent>(content)).name;
    if (closed_) content.reads.close(fs_error::unmounted());  // it came while everything was being closed
    return name;
}

Result<Filesystem::Place> Filesystem::find(NodeId node) const {
    Place place{root_.get(), 0, 0, nullptr};
    if (node == kRootNode) return place;
    place.slot = static_cast<Slot>(node >> 32);
    place.index = static_cast<NodeIndex>(node);
    const auto* torrent = place.root->torrent(place.slot);
    if (torrent == nullptr || place.index >= (*torrent)->tree.nodes().size()) return fs_error::not_found();
    place.torrent = *torrent;
    return place;
}

Result<Attributes> Filesystem::lookup(NodeId parent, std::string_view name) const {
    auto place = find(parent);
    if (!place) return place.error();
    if (!place->torrent) {
        const auto slot = place->root->find(name);
        if (!slot) return fs_error::not_found();
        const MountedTorrent& torrent = **place->root->torrent(*slot);
        return attributes_of(torrent, *slot, torrent.tree.nodes()[0]);
    }
    if (place->node().kind != NodeKind::directory) return fs_error::not_a_directory();
    const auto child = place->torrent->tree.find(place->index, name);
    if (!child) return fs_error::not_found();
    return attributes_of(*place->torrent, place->slot, place->torrent->tree.nodes()[*child]);
}

Result<Attributes> Filesystem::attributes(NodeId node) const {
    auto place = find(node);
    if (!place) return place.error();
    return place->torrent ? attributes_of(*place->torrent, place->slot, place->node())
                          : attributes_of_root(*place->root);
}

Result<std::string_view> Filesystem::symlink_target(NodeId node) const {
    auto place = find(node);
    if (!place) return place.error();
    if (!place->torrent || place->node().kind != NodeKind::symlink) return fs_error::not_a_symlink();
    return place->node().target;
}

Result<Listing> Filesystem::list(NodeId node) const {
    auto place = find(node);
    if (!place) return place.error();
    if (place->torrent && place->node().kind != NodeKind::directory) return fs_error::not_a_directory();
    return Listing(std::move(place->root), std::move(place->torrent), place->slot, place->index);
}

Result<std::uint64_t> Filesystem::open_listing(NodeId node) {
    auto listing = list(node);
    if (!listing) return listing.error();
    auto shared = std::make_shared<const Listing>(std::move(*listing));
    std::lock_guard lock(mutex_);
    listings_.emplace(++last_listing_, std::move(shared));
    return last_listing_;
}

std::shared_ptr<const Listing> Filesystem::listing(std::uint64_t handle) const {
    std::lock_guard lock(mutex_);
    const auto found = listings_.find(handle);
    return found == listings_.end() ? nullptr : found->second;
}

void Filesystem::close_listing(std::uint64_t handle) {
    std::lock_guard lock(mutex_);
    listings_.erase(handle);
}

Usage Filesystem::usage() const {
    const auto root = root_.get();
    return {root->total_size, root->node_count + 1};
}

Result<OpenFile*> Filesystem::open(NodeId node, bool for_writing) {
    auto place = find(node);
    if (!place) return place.error();
    if (!place->torrent || place->node().kind == NodeKind::directory) return fs_error::is_a_directory();
    if (for_writing) return fs_error::read_only();
    const std::uint64_t begin = place->node().offset_in_torrent;
    const ByteRange extent{begin, begin + place->node().size};
    return &read_path_.open(std::move(place->torrent), extent);
}

std::optional<ByteRange> Filesystem::read(OpenFile& file, ReadPath::Request request,
                                          std::unique_ptr<InterruptibleReply> reply) {
    request.range_in_file = request.range_in_file.intersection({0, file.extent().size()});
    if (request.range_in_file.empty()) {
        reply->data({});
        return std::nullopt;
    }
    return read_path_.read(file, request, std::move(reply));
}

void Filesystem::close() {
    closed_ = true;
    for (const auto& torrent : root_.get()->torrents) torrent->reads.close(fs_error::unmounted());
}

}  // namespace btfs
