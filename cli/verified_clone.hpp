// Clone of a torrent's file out of the cache: the copy shares its blocks on disk with the cache.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "engine/core/types.hpp"
#include "fs/file_state.hpp"

namespace btfs::cli {

/// Clones the file into `destination`, an empty file, as far as the file system can: both lie on one that
/// shares blocks (XFS, Btrfs), and the file begins at a block of the cache's data file, as that of a torrent
/// of one file does. Nobody keeps the mount from writing there meanwhile, so each whole piece is then hashed
/// in the clone. Returns the ranges of the file that are right; the rest holds anything, or nothing.
/// `on_progress` hears of bytes that were found right. Nothing is cloned, and nothing fails, if the cache
/// directory is not the mount's, or lacks the torrent's description.
std::vector<ByteRange> clone_verified(int destination, const std::filesystem::path& cache_dir,
                                      const FileState& state, std::uint64_t size,
                                      const std::function<void(std::uint64_t)>& on_progress);

}  // namespace btfs::cli
