// The file of a series that follows another one.
#pragma once

#include <optional>

#include "fs/inode_tree.hpp"

namespace btfs {

/// Returns the file that a viewer of `file` will probably open next: in the same folder, of the same suffix,
/// the first one behind it in natural order, if their names first differ in a number, as those of episodes,
/// tracks and parts do. Files of less than a fifth of its size are passed over: samples and trailers. Nothing
/// if there is none.
std::optional<NodeIndex> next_in_series(const InodeTree& tree, NodeIndex file);

}  // namespace btfs
