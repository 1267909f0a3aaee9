#include "fs/inode_tree.hpp"

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

namespace btfs {
namespace {

// FNV-1a with a finish that spreads it. Written out because inode numbers must not change with a library.
std::uint64_t mixed(std::uint64_t seed, ByteView bytes) {
    std::uint64_t h = 0xcbf29ce484222325ULL ^ seed;
    for (std::byte b : bytes) h = (h ^ std::to_integer<std::uint64_t>(b)) * 0x100000001b3ULL;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ULL;
    h = (h ^ h >> 27) * 0x94d049bb133111ebULL;
    return h ^ h >> 31;
}

std::string_view first_name(std::string_view path) {
    return path.substr(0, path.find('/'));
}

// '/' sorts before all else, so that a folder's paths stand next to each other.
bool path_less(std::string_view a, std::string_view b) {
    const auto [at, bt] = std::ranges::mismatch(a, b);
    if (bt == b.end()) return false;
    if (at == a.end()) return true;
    const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
    return rank(*at) < rank(*bt);
}

}  // namespace

InodeTree::InodeTree(const FileList& files, const Sha1Digest& info_hash, InodeNumbers& numbers) {
    std::vector<Path> paths;
    paths.reserve(files.size());
    std::size_t text_size = 0;
    for (const FileEntry& file : files) {
        if (file.pad || file.path.empty()) continue;
        paths.push_back({file.path, &file});
        text_size += file.path.size() + file.symlink_target.size();
    }
    names_.reserve(std::max<std::size_t>(text_size, 64));  // on the heap: it may move
    nodes_.reserve(paths.size() + paths.size() / 8 + 2);
    std::stable_sort(paths.begin(), paths.end(),
                     [](const Path& a, const Path& b) { return path_less(a.rest, b.rest); });

    build(std::move(paths), info_hash);
    for (Node& node : nodes_) {  // until here, `inode` is the hash of the info-hash and the path
        node.generation = static_cast<std::uint32_t>(node.inode >> 32 ^ node.inode);
        node.inode = numbers.claim(node.inode);
    }
}

void InodeTree::build(std::vector<Path> paths, const Sha1Digest& info_hash) {
    const std::string_view root_name = paths.empty() ? "_" : first_name(paths.front().rest);
    const bool single = paths.size() == 1 && paths.front().rest == root_name;
    add(root_name, 0, single ? paths.front().file : nullptr);
    nodes_[0].inode = mixed(0, info_hash.view());
    if (single) return;

    for (Path& path : paths) {  // all stand in one folder, whose name is node 0's
        assert(first_name(path.rest) == root_name);
        path.rest.remove_prefix(std::min(path.rest.size(), first_name(path.rest).size() + 1));
        if (path.rest.empty()) path.rest = root_name;
    }
    std::vector<Folder> level{{0, 0, paths.size()}}, next;
    for (; !level.empty(); level = std::move(next)) {
        next.clear();
        for (const Folder& folder : level) fill(folder, paths, next);
    }
}

// Adds the children of one folder, next to each other and sorted; the folders among them are filled later.
void InodeTree::fill(const Folder& folder, std::span<Path> paths, std::vector<Folder>& next) {
    struct Child {
        std::string_view name;
        const FileEntry* file;  // none for a folder
        std::size_t first, last;
    };
    std::vector<Child> children;
    for (std::size_t i = folder.first; i < folder.last;) {
        const std::string_view name = first_name(paths[i].rest);
        if (name.size() == paths[i].rest.size()) {
            children.push_back({name, paths[i].file, i, i + 1});
            ++i;
            continue;
        }
        const std::size_t first = i;
        for (; i < folder.last && paths[i].rest.size() > name.size() && paths[i].rest[name.size()] == '/' &&
               paths[i].rest.starts_with(name);
             ++i) {
            paths[i].rest.remove_prefix(name.size() + 1);
        }
        children.push_back({name, nullptr, first, i});
    }
    const auto by_name = [](const Child& a, const Child& b) { return a.name < b.name; };
    std::ranges::stable_sort(children, by_name);
    const auto same = [](const Child& a, const Child& b) { return a.name == b.name; };
    if (std::ranges::adjacent_find(children, same) != children.end()) {
        std::set<std::string, std::less<>> taken;
        for (const Child& child : children) taken.emplace(child.name);
        std::string_view previous;
        for (Child& child : children) {
            if (child.name != std::exchange(previous, child.name)) continue;
            auto is_taken = [&](const std::string& name) { return taken.contains(name); };
            child.name = *taken.insert(distinct_name(child.name, is_taken)).first;
        }
        for (Child& child : children) child.name = keep(child.name);
        std::ranges::stable_sort(children, by_name);
    }

    Node& parent = nodes_[folder.node];
    parent.first_child = static_cast<NodeIndex>(nodes_.size());
    parent.child_count = static_cast<std::uint32_t>(children.size());
    for (const Child& child : children) {
        if (child.file == nullptr) {
            ++nodes_[folder.node].subdirectory_count;
            next.push_back({static_cast<NodeIndex>(nodes_.size()), child.first, child.last});
        }
        add(child.name, folder.node, child.file);
        nodes_.back().inode = mixed(nodes_[folder.node].inode, as_bytes(child.name));
    }
}

void InodeTree::add(std::string_view name, NodeIndex parent, const FileEntry* file) {
    Node node;
    node.name = keep(name);
    node.parent = parent;
    if (file != nullptr) {
        node.kind = file->is_symlink() ? NodeKind::symlink : NodeKind::file;
        node.target = keep(file->symlink_target);
        node.size = file->is_symlink() ? file->symlink_target.size() : file->size;
        node.offset_in_torrent = file->offset_in_torrent;
        node.executable = file->executable;
        if (node.kind == NodeKind::file) total_size_ += file->size;
    }
    nodes_.push_back(node);
}

std::string_view InodeTree::keep(std::string_view text) {
    if (names_.size() + text.size() > names_.capacity()) {
        full_.push_back(std::move(names_));
        names_ = {};
        names_.reserve(std::max<std::size_t>(text.size(), 64 * 1024));
    }
    const std::size_t at = names_.size();
    names_ += text;
    return std::string_view(names_).substr(at);
}

std::optional<NodeIndex> InodeTree::find(NodeIndex directory, std::string_view name) const {
    const auto among = children(nodes_[directory]);
    const auto found = std::ranges::lower_bound(among, name, {}, &Node::name);
    if (found == among.end() || found->name != name) return std::nullopt;
    return index_of(*found);
}

}  // namespace btfs
