// Small files that are read and written as a whole.
#pragma once

#include <filesystem>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"

namespace btfs {

/// Reads a regular file. A system error, EFBIG for one of more than `max_size` bytes, EISDIR for a folder and
/// EINVAL for whatever else is no regular file. Never waits for a pipe's writer.
Result<Bytes> read_whole(const std::filesystem::path& path, std::size_t max_size);

/// Writes the file whole or not at all, also while other processes do. A system error. `mode` is its
/// permissions, less the process's mask. What a kill leaves of it, the next write takes over.
Error write_whole(const std::filesystem::path& path, ByteView content, unsigned mode);

}  // namespace btfs
