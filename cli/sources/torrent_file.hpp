// Reads and writes torrent files.
#pragma once

#include <filesystem>
#include <string>

#include "engine/core/bytes.hpp"
#include "engine/metainfo/metainfo.hpp"

namespace btfs::cli {

/// Reads a torrent file. Throws Failure if there is no such file, or it is a directory or device, or larger
/// than kMaxTorrentFileSize: then with torrent_too_large.
Bytes read_torrent(const std::filesystem::path& path);

/// Reads and parses it. Throws Failure also if it is malformed.
Metainfo load_torrent(const std::filesystem::path& path);

/// Writes the file whole or not at all. Throws Failure.
void write_file(const std::filesystem::path& path, ByteView content);

}  // namespace btfs::cli
