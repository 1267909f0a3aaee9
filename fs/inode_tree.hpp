// The tree of one torrent's files and folders: immutable.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/file_list.hpp"
#include "engine/core/file_name.hpp"
#include "engine/core/hash.hpp"
#include "fs/inode_numbers.hpp"

namespace btfs {

enum class NodeKind : std::uint8_t { directory, file, symlink };

using NodeIndex = std::uint32_t;

struct Node {
    std::string_view name;    ///< within its folder
    std::string_view target;  ///< of a symlink
    std::uint64_t inode = 0;  ///< as stat shows it: the same in every mount of this torrent; see InodeNumbers
    std::uint64_t size = 0;
    std::uint64_t offset_in_torrent = 0;
    NodeIndex parent = 0;
    NodeIndex first_child = 0;  ///< of a directory: its children stand next to each other, sorted by name
    std::uint32_t child_count = 0;
    std::uint32_t subdirectory_count = 0;
    NodeKind kind = NodeKind::directory;
    bool executable = false;
    std::uint32_t generation = 0;  ///< follows from the info-hash and the path: 32 bits of their hash
};

/// A torrent's nodes. Node 0 stands in the mount's root: it is the file, or the folder of all files. Pad
/// files are left out. Looking up a name is a binary search. Paths that clash although they should not get
/// distinct names, so that every file can be reached.
class InodeTree {
  public:
    /// Claims an inode number for each node.
    InodeTree(const FileList& files, const Sha1Digest& info_hash, InodeNumbers& numbers);
    InodeTree(const InodeTree&) = delete;
    InodeTree& operator=(const InodeTree&) = delete;

    std::span<const Node> nodes() const { return nodes_; }
    std::span<const Node> children(const Node& directory) const {
        return nodes().subspan(directory.first_child, directory.child_count);
    }
    std::optional<NodeIndex> find(NodeIndex directory, std::string_view name) const;
    NodeIndex index_of(const Node& node) const { return static_cast<NodeIndex>(&node - nodes_.data()); }

    std::uint64_t total_size() const { return total_size_; }

  private:
    struct Path {
        std::string_view rest;  ///< below the folder that is being filled
        const FileEntry* file;
    };
    struct Folder {
        NodeIndex node;
        std::size_t first, last;  ///< its paths
    };

    void build(std::vector<Path> paths, const Sha1Digest& info_hash);
    void fill(const Folder& folder, std::span<Path> paths, std::vector<Folder>& next);
    void add(std::string_view name, NodeIndex parent, const FileEntry* file);
    std::string_view keep(std::string_view text);

    std::string names_;             ///< filled up to its capacity, so that views of it stay
    std::deque<std::string> full_;  ///< earlier ones
    std::vector<Node> nodes_;
    std::uint64_t total_size_ = 0;
};

/// `name`, or the first of "name (2).ext", "name (3).ext"... for which `taken` is false.
template <class Taken>
std::string distinct_name(std::string_view name, Taken taken) {
    std::string candidate(name);
    for (unsigned number = 2; taken(candidate); ++number)
        candidate = with_tag(name, '(' + std::to_string(number) + ')');
    return candidate;
}

}  // namespace btfs
