// The next episode of a series whose episodes are torrents of their own.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "fs/inode_tree.hpp"
#include "fs/mounted_torrent.hpp"

namespace btfs {

/// Torrents of more files than this are no single episodes.
inline constexpr std::size_t kMostFilesOfAnEpisode = 64;

struct NextEpisode {
    std::shared_ptr<const MountedTorrent> torrent;
    NodeIndex file;
};

/// Finds the file of another torrent whose name follows that of `file` in `torrent`; see EpisodeName. The
/// best match counts, and of several the one that stands first in the root. Files of less than a fifth of its
/// size are passed over, and torrents of many files. Nothing if there is none.
std::optional<NextEpisode> next_episode(const MountRoot& root, const MountedTorrent& torrent, NodeIndex file);

}  // namespace btfs
