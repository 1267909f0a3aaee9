#include "fs/filesystem.hpp"

#include <algorithm>

#include "fs/errno_map.hpp"

namespace btfs {
namespace {

NodeId node_id(Slot slot, NodeIndex index) {
    return NodeId{slot} << 32 | index;
}

Attributes attributes_of(const MountedTorrent& torrent, Slot slot, const Node& node) {
    return {.node = node_id(slot, torrent.tree.index_of(node)),
            .inode = node.inode,
            .generation = node.generation,
            .kind = node.kind,
            .executable = node.executable,
            .size = node.size,
            .links = node.kind == NodeKind::directory ? 2 + node.subdirectory_count : 1,
            .modified = torrent.modified};
}

}  // namespace

std::size_t Listing::size() const {
    if (torrent_) return first_.size() + torrent_->tree.nodes()[directory_].child_count;
    return first_.size() + (root_ ? root_->by_name.size() : 0);
}

Listing::Entry Listing::at(std::size_t position) const {
    if (position < first_.size()) return first_[position];
    position -= first_.size();
    if (!torrent_) {
        const MountRoot::Entry& entry = root_->by_name[position];
        const MountedTorrent& torrent = **root_->torrent(entry.slot);
        return {entry.name, attributes_of(torrent, entry.slot, torrent.tree.nodes()[0])};
    }
    const InodeTree& tree = torrent_->tree;
    const Node& child = tree.children(tree.nodes()[directory_])[position];
    return {child.name, attributes_of(*torrent_, slot_, child)};
}

Slot Filesystem::add(const TorrentContent& content) {
    if (closed_) content.reads.close(fs_error::unmounted());
    const Slot slot = root_.add(std::make_shared<const MountedTorrent>(content, inode_numbers_));
    if (closed_) content.reads.close(fs_error::unmounted());  // it came while everything was being closed
    return slot;
}

std::string Filesystem::name_of(Slot torrent) const {
    return root_.get()->name_of(torrent);
}

Attributes Filesystem::attributes_of_root(const MountRoot& root) const {
    return {.node = kRootNode,
            .inode = kRootNode,
            .generation = 0,
            .kind = NodeKind::directory,
            .executable = false,
            .size = 0,
            .links = 2 + root.directory_count,
            .modified = root.modified};
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

Result<Attributes> Filesystem::parent_of(NodeId node) const {
    if (is_virtual(node)) return attributes(node == VirtualFolder::kNode ? kRootNode : VirtualFolder::kNode);
    const auto place = find(node);
    if (!place) return place.error();
    if (!place->torrent || place->index == 0) return attributes_of_root(*place->root);
    return attributes_of(*place->torrent, place->slot, place->torrent->tree.nodes()[place->node().parent]);
}

Result<Attributes> Filesystem::lookup(NodeId parent, std::string_view name) const {
    if (name == ".") return attributes(parent);
    if (name == "..") return parent_of(parent);
    if (is_virtual(parent)) {
        const auto folder = attributes(parent);
        if (!folder) return folder.error();
        if (folder->kind != NodeKind::directory) return fs_error::not_a_directory();
        const auto file = virtual_.look_up(name);
        return file ? Result<Attributes>(*file) : fs_error::not_found();
    }
    auto place = find(parent);
    if (!place) return place.error();
    if (!place->torrent) {
        if (name == VirtualFolder::kName) return attributes(VirtualFolder::kNode);
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
    if (is_virtual(node)) {
        const auto attributes = virtual_.attributes(node);
        return attributes ? Result<Attributes>(*attributes) : fs_error::not_found();
    }
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
    const auto self = attributes(node);
    if (!self) return self.error();
    if (self->kind != NodeKind::directory) return fs_error::not_a_directory();
    auto place = find(is_virtual(node) ? kRootNode : node);
    if (!place) return place.error();
    Listing listing({{".", *self}, {"..", parent_of(node).value()}});
    if (is_virtual(node)) {
        for (const VirtualFile& file : virtual_.files())
            listing.first_.push_back({file.name, *virtual_.look_up(file.name)});
        return listing;
    }
    listing.torrent_ = std::move(place->torrent);
    listing.slot_ = place->slot;
    listing.directory_ = place->index;
    if (listing.torrent_) return listing;
    listing.root_ = std::move(place->root);
    return listing;
}

Result<std::uint64_t> Filesystem::open_listing(NodeId node) {
    auto listing = list(node);
    if (!listing) return listing.error();
    return listings_.open(std::move(*listing));
}

Result<std::uint64_t> Filesystem::open_text(NodeId node, bool for_writing) {
    if (node == VirtualFolder::kNode) return fs_error::is_a_directory();
    if (for_writing) return fs_error::read_only();
    auto snapshot = virtual_.open(node);
    if (!snapshot) return fs_error::not_found();
    return texts_.open(std::move(snapshot));
}

std::shared_ptr<const std::string> Filesystem::text(std::uint64_t handle) const {
    const auto found = texts_.get(handle);
    return found ? std::shared_ptr<const std::string>(*found, &(*found)->text) : nullptr;
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
    const std::uint64_t inode = place->node().inode;
    return &read_path_.open(std::move(place->torrent), extent, inode);
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
    for (const auto& [slot, torrent] : root_.get()->torrents) torrent->reads.close(fs_error::unmounted());
}

}  // namespace btfs
