// Small files that are read and written as a whole.
#pragma once

#include <filesystem>
#include <string_view>

#include "cache/disk/files.hpp"
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

/// As write_whole(), but waits for no disk: after a power loss the file may be gone, or hold anything.
Error write_whole_unsynced(Files& files, const std::filesystem::path& name, ByteView content, unsigned mode);

/// Returns an unused name that no other process can guess, in the folder of `name`: for a file that takes
/// that name when it is finished.
std::filesystem::path part_beside(const std::filesystem::path& name);
/// True for the name of a file that was not finished.
bool is_part(std::string_view name);

}  // namespace btfs
