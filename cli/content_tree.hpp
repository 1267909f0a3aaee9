// A file or folder on disk, as the content of a torrent.
#pragma once

#include <filesystem>
#include <vector>

#include "cli/commands.hpp"
#include "engine/core/bytes.hpp"
#include "engine/metainfo/create.hpp"

namespace btfs::cli {

/// A made torrent, and where its files lie, in the order of its file list.
struct MadeTorrent {
    std::string name;
    Bytes torrent;
    std::vector<std::filesystem::path> files;
};

/// Walks the path, hashes all regular files in it (a progress bar shows on a terminal), and writes the
/// torrent. Symlinks, pipes and devices are left out. Throws Failure, also when a file changes meanwhile.
MadeTorrent make_torrent(const CreateOptions& options);

}  // namespace btfs::cli
