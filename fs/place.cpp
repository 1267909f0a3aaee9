#include "fs/place.hpp"

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
            .modified = torrent.modified,
            .validity = Validity::permanent};
}

Attributes attributes_of_torrent(const MountRoot& root, Slot slot) {
    const MountedTorrent& torrent = **root.torrent(slot);
    return attributes_of(torrent, slot, torrent.tree.nodes()[0]);
}

}  // namespace

// ---- the root ----

Attributes RootPlace::attributes() const {
    return {.node = kRootNode,
            .inode = kRootNode,
            .generation = 0,
            .kind = NodeKind::directory,
            .executable = false,
            .size = 0,
            .links = 2 + root_->directory_count,
            .modified = root_->modified,
            .validity = Validity::brief};
}

Result<Attributes> RootPlace::child(std::string_view name) const {
    if (name == VirtualFolder::kName) {
        const auto folder = virtual_folder_->attributes(VirtualFolder::kNode);
        return folder ? Result<Attributes>(*folder) : fs_error::not_found();
    }
    const auto slot = root_->find(name);
    if (!slot) return fs_error::not_found();
    return attributes_of_torrent(*root_, *slot);
}

NamedAttributes RootPlace::child_at(std::size_t position) const {
    const MountRoot::Entry& entry = root_->by_name[position];
    return {entry.name, attributes_of_torrent(*root_, entry.slot)};
}

Result<std::string_view> RootPlace::symlink_target() const {
    return fs_error::not_a_symlink();
}

Result<std::unique_ptr<Handle>> RootPlace::open(ReadPath&, const Opening&) const {
    return fs_error::is_a_directory();
}

// ---- torrents ----

Attributes TorrentPlace::attributes() const {
    return attributes_of(*torrent_, slot_, node());
}

NodeId TorrentPlace::parent() const {
    return index_ == 0 ? kRootNode : node_id(slot_, node().parent);
}

Result<Attributes> TorrentPlace::child(std::string_view name) const {
    if (node().kind != NodeKind::directory) return fs_error::not_a_directory();
    const auto child = torrent_->tree.find(index_, name);
    if (!child) return fs_error::not_found();
    return attributes_of(*torrent_, slot_, torrent_->tree.nodes()[*child]);
}

NamedAttributes TorrentPlace::child_at(std::size_t position) const {
    const Node& child = torrent_->tree.children(node())[position];
    return {child.name, attributes_of(*torrent_, slot_, child)};
}

Result<std::string_view> TorrentPlace::symlink_target() const {
    if (node().kind != NodeKind::symlink) return fs_error::not_a_symlink();
    return node().target;
}

Result<std::unique_ptr<Handle>> TorrentPlace::open(ReadPath& reads, const Opening& opening) const {
    if (node().kind == NodeKind::directory) return fs_error::is_a_directory();
    if (opening.for_writing) return fs_error::read_only();
    const std::uint64_t begin = node().offset_in_torrent;
    OpenFile& file = reads.open(torrent_, {begin, begin + node().size}, node().inode, opening.remote);
    return std::unique_ptr<Handle>(std::make_unique<ContentHandle>(reads, file));
}

// ---- what is virtual ----

NodeId VirtualPlace::parent() const {
    return folder_->parent(self_.node);
}

Result<Attributes> VirtualPlace::child(std::string_view name) const {
    if (self_.kind != NodeKind::directory) return fs_error::not_a_directory();
    const auto child = folder_->look_up(name, self_.node);
    return child ? Result<Attributes>(*child) : fs_error::not_found();
}

void VirtualPlace::begin_listing() {
    entries_ = std::make_shared<const std::vector<VirtualFolder::Entry>>(folder_->list(self_.node));
}

std::size_t VirtualPlace::child_count() const {
    return entries_ ? entries_->size() : 0;
}

NamedAttributes VirtualPlace::child_at(std::size_t position) const {
    const VirtualFolder::Entry& entry = (*entries_)[position];
    return {entry.name, entry.attributes};
}

Result<std::string_view> VirtualPlace::symlink_target() const {
    return fs_error::not_a_symlink();
}

Result<std::unique_ptr<Handle>> VirtualPlace::open(ReadPath& reads, const Opening& opening) const {
    if (self_.kind == NodeKind::directory) return fs_error::is_a_directory();
    if (self_.takes_commands) {
        if ((opening.for_writing || self_.is_private) && !opening.may_command)
            return fs_error::access_denied();
        auto command = folder_->open_command(self_.node, opening, reads.processes());
        if (!command) return fs_error::removed();
        if (opening.truncates)
            if (const Error error = folder_->resize(self_.node, 0)) return error;
        return command;
    }
    if (opening.for_writing) return fs_error::read_only();
    auto snapshot = folder_->open(self_.node);
    if (!snapshot) return fs_error::not_found();
    return std::unique_ptr<Handle>(std::make_unique<TextHandle>(std::move(snapshot)));
}

}  // namespace btfs
