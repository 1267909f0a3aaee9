// Files that hold a secret, which other users may not read.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace btfs::cli {

/// Returns what the file holds, at most `max_size` bytes, without blanks and line ends around it. Throws
/// Failure, with `what` before it, for a file that cannot be read, or that others than its owner and group
/// may read, or others than its owner may write.
std::string read_secret(const std::filesystem::path& path, std::size_t max_size, const std::string& what);

}  // namespace btfs::cli
