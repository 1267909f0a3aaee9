#include "fs/filesystem.hpp"

#include <algorithm>
#include <cassert>

#include "fs/errno_map.hpp"

namespace btfs {

Listing::Entry Listing::at(std::size_t position) const {
    if (position == 0) return {".", directory_.attributes()};
    if (position == 1) return {"..", parent_};
    return directory_.child_at(position - 2);
}

Slot Filesystem::add(const TorrentContent& content) {
    if (closed_) content.reads.close(fs_error::unmounted());
    const Slot slot = root_.add(std::make_shared<const MountedTorrent>(content, inode_numbers_));
    if (closed_) content.reads.close(fs_error::unmounted());  // it came while everything was being closed
    return slot;
}

bool Filesystem::remove(Slot torrent) {
    const auto [removed, names] = root_.remove(torrent);
    if (!removed) return false;
    removed->reads.close(fs_error::removed());
    for (const Node& node : removed->tree.nodes()) inode_numbers_.release(node.inode);
    std::lock_guard lock(on_removed_mutex_);
    if (on_removed_) on_removed_(names);
    return true;
}

void Filesystem::set_on_removed(std::function<void(const std::vector<std::string>&)> on_removed) {
    std::lock_guard lock(on_removed_mutex_);
    on_removed_ = std::move(on_removed);
}

std::string Filesystem::name_of(Slot torrent) const {
    return std::string(root_.get()->name_of(torrent));
}

std::unordered_map<Slot, std::string> Filesystem::names() const {
    std::unordered_map<Slot, std::string> names;
    const auto root = root_.get();
    names.reserve(root->by_name.size());
    for (const MountRoot::Entry& entry : root->by_name) names.emplace(entry.slot, entry.name);
    return names;
}

/// Tells from the NodeId of which kind a node is.
Result<Place> Filesystem::find(NodeId node) const {
    if (VirtualFolder::may_have(node)) {
        const auto attributes = virtual_.attributes(node);
        if (!attributes) return fs_error::not_found();
        return Place(VirtualPlace(virtual_, *attributes));
    }
    auto root = root_.get();
    if (node == kRootNode) return Place(RootPlace(std::move(root), virtual_));
    const auto slot = static_cast<Slot>(node >> 32);
    const auto index = static_cast<NodeIndex>(node);
    const auto* torrent = root->torrent(slot);
    if (torrent == nullptr || index >= (*torrent)->tree.nodes().size()) return fs_error::not_found();
    return Place(TorrentPlace(*torrent, slot, index));
}

Result<Attributes> Filesystem::lookup(NodeId parent, std::string_view name,
                                      std::optional<pid_t> thread) const {
    const auto place = find(parent);
    if (!place) return place.error();
    if (name == ".") return place->attributes();
    if (name == "..") return attributes(place->parent());
    auto child = place->child(name);
    if (!child && parent == VirtualFolder::kAddNode && thread)
        if (const auto taken = virtual_.look_up_taken(name, read_path_.processes().process(*thread)))
            return *taken;
    return child;
}

Result<Attributes> Filesystem::attributes(NodeId node) const {
    const auto place = find(node);
    if (!place) return place.error();
    return place->attributes();
}

Result<std::string> Filesystem::symlink_target(NodeId node) const {
    const auto place = find(node);
    if (!place) return place.error();
    const auto target = place->symlink_target();
    if (!target) return target.error();
    return std::string(*target);  // the place keeps it, and goes
}

Result<Filesystem::FileExtents> Filesystem::extents(NodeId node) const {
    const auto slot = static_cast<Slot>(node >> 32);
    const auto root = root_.get();
    const auto* const torrent = root->torrent(slot);
    const auto index = static_cast<NodeIndex>(node);
    if (torrent == nullptr || index >= (*torrent)->tree.nodes().size()) return fs_error::not_found();
    const InodeTree& tree = (*torrent)->tree;
    FileExtents found{slot, {}};
    std::vector<NodeIndex> left{index};
    while (!left.empty()) {
        const Node& next = tree.nodes()[left.back()];
        left.pop_back();
        if (next.kind == NodeKind::file && next.size > 0)
            found.files.push_back({next.offset_in_torrent, next.offset_in_torrent + next.size});
        for (const Node& child : tree.children(next)) left.push_back(tree.index_of(child));
    }
    return found;
}

std::vector<Filesystem::TorrentFile> Filesystem::files(Slot slot) const {
    const auto root = root_.get();
    const auto* const torrent = root->torrent(slot);
    if (torrent == nullptr) return {};
    const InodeTree& tree = (*torrent)->tree;
    const auto nodes = tree.nodes();
    std::vector<TorrentFile> files;
    std::vector<std::string> paths(nodes.size());  // of folders; a parent comes before its children
    for (NodeIndex i = 0; i < nodes.size(); ++i) {
        const Node& node = nodes[i];
        std::string path =
            i == 0 ? std::string(root->name_of(slot)) : paths[node.parent] + '/' + std::string(node.name);
        if (node.kind == NodeKind::file)
            files.push_back({std::move(path), node.size, node.offset_in_torrent});
        else if (node.kind == NodeKind::directory)
            paths[i] = std::move(path);
    }
    std::ranges::sort(files, {}, [](const TorrentFile& file) {
        return std::pair(file.offset_in_torrent, std::string_view(file.path));
    });
    return files;
}

Result<Listing> Filesystem::list(NodeId node) const {
    auto place = find(node);
    if (!place) return place.error();
    if (place->attributes().kind != NodeKind::directory) return fs_error::not_a_directory();
    const auto parent = attributes(place->parent());
    if (!parent) return parent.error();
    place->begin_listing();
    return Listing(std::move(*place), *parent);
}

Result<Filesystem::OpenListing> Filesystem::open_listing(NodeId node) {
    auto listing = list(node);
    if (!listing) return listing.error();
    const Validity validity = listing->at(0).attributes.validity;
    return OpenListing{listings_.open(std::move(*listing)), validity};
}

Usage Filesystem::usage() const {
    const auto root = root_.get();
    return {root->total_size, root->node_count + 1, virtual_.room()};
}

std::vector<ReaderStatus> Filesystem::readers() const {
    const auto root = root_.get();
    std::vector<ReaderStatus> readers;
    for (const auto& file : read_path_.open_files()) {
        const auto torrent =
            std::ranges::find(root->torrents, &file->torrent(),
                              [](const MountRoot::Shown& shown) { return shown.torrent.get(); });
        if (torrent == root->torrents.end()) continue;
        const auto nodes = file->torrent().tree.nodes();
        const auto node = std::ranges::find(nodes, file->inode(), &Node::inode);
        if (node == nodes.end()) continue;
        ReaderStatus& reader = readers.emplace_back(file->status(read_path_.now()));
        for (NodeIndex at = static_cast<NodeIndex>(node - nodes.begin()); at != 0; at = nodes[at].parent)
            reader.path.insert(0, '/' + std::string(nodes[at].name));
        reader.path.insert(0, root->name_of(torrent->slot));
    }
    return readers;
}

Result<Handle*> Filesystem::open(NodeId node, const Opening& opening) {
    const auto place = find(node);
    // A file may be taken between the kernel's LOOKUP and its OPEN, which O_CREAT makes anew.
    if (!place) return virtual_.is_of_dropped_file(node) ? fs_error::removed() : place.error();
    auto opened = place->open(read_path_, opening);
    if (!opened) return opened.error();
    return keep(std::move(*opened));
}

Handle* Filesystem::keep(std::unique_ptr<Handle> opened) {
    Handle* const handle = opened.get();
    std::lock_guard lock(handles_mutex_);
    handles_.emplace(handle, std::move(opened));
    return handle;
}

Result<Filesystem::Created> Filesystem::create(NodeId folder, std::string_view name, const Opening& opening) {
    if (folder != VirtualFolder::kAddNode || !takes_commands()) return fs_error::read_only();
    if (!opening.may_command) return fs_error::access_denied();
    const auto file = virtual_.create(name);
    if (!file) return file.error();
    auto opened = virtual_.open_command((*file)->node(), opening, read_path_.processes());
    assert(opened);  // `file` keeps it there
    return Created{virtual_.attributes_of(**file), keep(std::move(opened))};
}

Result<Attributes> Filesystem::change(NodeId node, std::optional<std::uint64_t> size, bool may_command,
                                      std::optional<pid_t> by_path) {
    const auto before = attributes(node);
    if (!before) return before;
    if (!before->takes_commands) return fs_error::read_only();
    if (!may_command) return fs_error::access_denied();
    if (size && by_path && VirtualFolder::is_remove(node)) {
        const std::string name = read_path_.processes().name(*by_path);
        if (!name.empty() && name != "nfsd") return fs_error::bad_size();
    }
    if (size)
        if (const Error error = virtual_.resize(node, *size)) return error;
    return attributes(node);
}

void Filesystem::rename(NodeId folder, std::string_view name, NodeId new_folder, std::string_view new_name,
                        pid_t thread, bool may_command, CommandDone done) {
    if (folder != VirtualFolder::kAddNode || new_folder != folder || !takes_commands())
        return done(fs_error::read_only());
    if (!may_command) return done(fs_error::access_denied());
    virtual_.rename(name, new_name, read_path_.processes().process(thread), std::move(done));
}

Error Filesystem::unlink(NodeId folder, std::string_view name, pid_t thread, bool may_command) {
    if (folder != VirtualFolder::kAddNode || !takes_commands()) return fs_error::read_only();
    if (!may_command) return fs_error::access_denied();
    return virtual_.unlink(name, read_path_.processes().process(thread));
}

void Filesystem::release(Handle& handle) {
    handle.release();
    std::unique_ptr<Handle> last;
    std::lock_guard lock(handles_mutex_);
    const auto found = handles_.find(&handle);
    assert(found != handles_.end());
    last = std::move(found->second);
    handles_.erase(found);
}

void Filesystem::close() {
    closed_ = true;
    const auto root = root_.get();
    for (const auto& [slot, torrent] : root->torrents) torrent->reads.close(fs_error::unmounted());
}

}  // namespace btfs
