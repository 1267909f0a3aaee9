// Small files that are read and written as a whole.
#pragma once

#include <filesystem>
#include <string_view>

#include "cache/files.hpp"
#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"

namespace btfs {

/// Reads a regular file. A system error, EFBIG for one of more than `max_size` bytes, EISDIR for a folder,
/// EINVAL for whatever else is no regular file, ELOOP for a symbolic link. Never waits for a pipe's writer.
Result<Bytes> read_whole(Files& files, const std::filesystem::path& name, std::size_t max_size);
/// The same for any path; symbolic links are followed.
Result<Bytes> read_whole(const std::filesystem::path& path, std::size_t max_size);

/// Writes the file whole or not at all, whatever other processes do and whenever the power fails; when this
/// returned without error, what was written survives both. A system error otherwise. `mode` is its
/// permissions, less the process's mask. Writes to a new file beside it first: is_part() knows what a kill
/// leaves of that.
Error write_whole(Files& files, const std::filesystem::path& name, ByteView content, unsigned mode);
/// The same for any path.
Error write_whole(const std::filesystem::path& path, ByteView content, unsigned mode);

/// True for the name of a file that write_whole() had not finished.
bool is_part(std::string_view name);

}  // namespace btfs
