// Nodes of the mount, of three kinds: its root, the nodes of torrents, and what is virtual.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/core/error.hpp"
#include "fs/attributes.hpp"
#include "fs/handle.hpp"
#include "fs/mounted_torrent.hpp"
#include "fs/virtual_folder.hpp"

namespace btfs {

/// An entry of a listing; its name lives as long as the Place that gave it.
struct NamedAttributes {
    std::string_view name;
    Attributes attributes;
};

/// The mount's root, as it was when it was found.
class RootPlace {
  public:
    RootPlace(std::shared_ptr<const MountRoot> root, const VirtualFolder& virtual_folder)
        : root_(std::move(root)), virtual_folder_(&virtual_folder) {}

    Attributes attributes() const;
    NodeId parent() const { return kRootNode; }
    /// Finds VirtualFolder::kName, too, which is none of the children.
    Result<Attributes> child(std::string_view name) const;
    std::size_t child_count() const { return root_->by_name.size(); }
    NamedAttributes child_at(std::size_t position) const;
    Result<std::string_view> symlink_target() const;
    Result<std::unique_ptr<Handle>> open(ReadPath& reads, const Opening& opening) const;

  private:
    std::shared_ptr<const MountRoot> root_;
    const VirtualFolder* virtual_folder_;
};

/// A node of a torrent.
class TorrentPlace {
  public:
    /// `index` is a node of the torrent's tree.
    TorrentPlace(std::shared_ptr<const MountedTorrent> torrent, Slot slot, NodeIndex index)
        : torrent_(std::move(torrent)), slot_(slot), index_(index) {}

    Attributes attributes() const;
    NodeId parent() const;
    Result<Attributes> child(std::string_view name) const;
    std::size_t child_count() const { return node().child_count; }
    NamedAttributes child_at(std::size_t position) const;
    Result<std::string_view> symlink_target() const;
    Result<std::unique_ptr<Handle>> open(ReadPath& reads, const Opening& opening) const;

  private:
    const Node& node() const { return torrent_->tree.nodes()[index_]; }

    std::shared_ptr<const MountedTorrent> torrent_;
    Slot slot_;
    NodeIndex index_;
};

/// A folder of what is virtual, or a snapshot of a file there.
class VirtualPlace {
  public:
    /// `self` is what `folder` says of the node.
    VirtualPlace(const VirtualFolder& folder, const Attributes& self) : folder_(&folder), self_(self) {}

    const Attributes& attributes() const { return self_; }
    NodeId parent() const;
    Result<Attributes> child(std::string_view name) const;
    void begin_listing();
    std::size_t child_count() const;
    NamedAttributes child_at(std::size_t position) const;
    Result<std::string_view> symlink_target() const;
    Result<std::unique_ptr<Handle>> open(ReadPath& reads, const Opening& opening) const;

  private:
    const VirtualFolder* folder_;
    Attributes self_;
    std::shared_ptr<const std::vector<VirtualFolder::Entry>> entries_ = nullptr;  ///< since begin_listing()
};

/// A node of any kind, found by Filesystem. Each operation is one visit; what a kind does differently is said
/// in the kind's class. A value: it keeps alive what it shows. Destroyed before the Filesystem.
class Place {
  public:
    explicit Place(RootPlace root) : kind_(std::move(root)) {}
    explicit Place(TorrentPlace node) : kind_(std::move(node)) {}
    explicit Place(VirtualPlace node) : kind_(std::move(node)) {}

    Attributes attributes() const {
        return std::visit([](const auto& kind) -> Attributes { return kind.attributes(); }, kind_);
    }
    /// Returns the folder that the node stands in; of the mount's root, itself.
    NodeId parent() const {
        return std::visit([](const auto& kind) { return kind.parent(); }, kind_);
    }
    /// Looks up a name in a directory.
    Result<Attributes> child(std::string_view name) const {
        return std::visit([&](const auto& kind) { return kind.child(name); }, kind_);
    }
    /// Before child_count() and child_at(): what they tell stays as it is from now on.
    void begin_listing() {
        if (auto* const virtual_place = std::get_if<VirtualPlace>(&kind_)) virtual_place->begin_listing();
    }
    /// Returns how many nodes a listing shows. 0 if this is no directory.
    std::size_t child_count() const {
        return std::visit([](const auto& kind) { return kind.child_count(); }, kind_);
    }
    NamedAttributes child_at(std::size_t position) const {
        return std::visit([&](const auto& kind) { return kind.child_at(position); }, kind_);
    }
    /// Returns where a symlink leads to; lives as long as the torrent.
    Result<std::string_view> symlink_target() const {
        return std::visit([](const auto& kind) { return kind.symlink_target(); }, kind_);
    }
    /// Opens a file.
    Result<std::unique_ptr<Handle>> open(ReadPath& reads, const Opening& opening) const {
        return std::visit([&](const auto& kind) { return kind.open(reads, opening); }, kind_);
    }

  private:
    std::variant<RootPlace, TorrentPlace, VirtualPlace> kind_;
};

}  // namespace btfs
