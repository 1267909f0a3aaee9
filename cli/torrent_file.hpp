// Torrent files on disk.
#pragma once

#include <filesystem>
#include <string>

#include "engine/core/bytes.hpp"
#include "engine/metainfo/metainfo.hpp"

namespace btfs::cli {

/// Reads and parses a torrent file. Throws Failure for whatever is wrong: no file, a directory, a device, too
/// large, malformed.
Metainfo load_torrent(const std::filesystem::path& path);

/// Writes the file whole or not at all. Throws Failure.
void write_file(const std::filesystem::path& path, ByteView content);

}  // namespace btfs::cli
