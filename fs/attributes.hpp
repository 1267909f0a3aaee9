// Attributes of a node of the mount: what stat shows, and its NodeId.
#pragma once

#include <cstdint>

#include "fs/inode_tree.hpp"

namespace btfs {

/// A node of the mount: slot << 32 | index in the torrent's tree; slot 0 is the mount's own. Never reused, so
/// the kernel's forgetting needs no accounts. NFS servers and open_by_handle_at(2) keep it in file handles,
/// with the generation, over remounts: both follow from the info-hash and the path. A handle that leads to
/// another node by its NodeId has another generation, and is refused with ESTALE by the kernel. Files that a
/// mount takes commands by have a generation of that mount alone.
using NodeId = std::uint64_t;
inline constexpr NodeId kRootNode = 1;

/// Time for which the attributes of a node stay true.
enum class Validity : std::uint8_t {
    momentary,  ///< virtual nodes: the next look may show another text
    brief,      ///< the mount's root: torrents appear in it
    permanent,  ///< nodes of torrents
};

struct Attributes {
    NodeId node = 0;
    std::uint64_t inode = 0;
    std::uint32_t generation = 0;  ///< see NodeId; 0 for those of the mount's own nodes that are always there
    NodeKind kind = NodeKind::directory;
    bool executable = false;
    std::uint64_t size = 0;
    std::uint32_t links = 1;
    std::int64_t modified = 0;
    Validity validity = Validity::permanent;
    bool takes_commands = false;  ///< the mount's user may write it: see MountCommands
    bool is_private = false;      ///< nobody else may read it
};

}  // namespace btfs
