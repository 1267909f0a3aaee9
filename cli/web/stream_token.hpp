// The secret in the paths of streams.
#pragma once

#include <filesystem>
#include <string>

namespace btfs::cli {

/// Returns the secret that paths of streams hold, since players cannot log in: 32 hexadecimal digits. It is
/// kept in a file of the folder, so that links and playlists lead to the same files after a restart; made, as
/// is the folder, if it is not there. If it cannot be kept, it is a new one for this run, and the log says
/// so.
std::string stream_token(const std::filesystem::path& folder);

}  // namespace btfs::cli
