// Makes a torrent of a file or folder on disk.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cache/disk/files.hpp"
#include "cli/commands.hpp"
#include "engine/core/bytes.hpp"
#include "engine/metainfo/create.hpp"

namespace btfs::cli {

struct MadeTorrent {
    std::string name;
    Bytes torrent;
    std::vector<std::filesystem::path> files;  ///< where its files lie, in the order of its file list
    std::vector<std::string> left_out;         ///< "PATH: why" of each entry that has no place in it
    std::vector<FileStatus> hashed;            ///< the state of each file before it was hashed
};

/// Walks the path, hashes all regular files in it (a progress bar shows on a terminal), and encodes the
/// torrent. Leaves out symlinks, pipes, sockets, devices and empty folders. Throws Failure, also when a file
/// changes meanwhile.
MadeTorrent make_torrent(const CreateOptions& options);

/// Names on stderr what was left out: the first kMaxLeftOutNamed, and how many more.
void warn_of_left_out(const MadeTorrent& made);

inline constexpr std::size_t kMaxLeftOutNamed = 20;

}  // namespace btfs::cli
