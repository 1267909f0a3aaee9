// Targets of a torrent's symbolic links (BEP 47), kept inside the torrent's folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/metainfo/safe_path.hpp"

namespace btfs {

/// Finds where a link at `link` (raw names below the torrent's folder) leads whose target is said as
/// `target`. BEP 47 says the target from the torrent's folder on; some creators say it from the link's own
/// folder on, or with '/' inside a name. The first of these readings counts that leads to a file or folder in
/// `paths`, else the first that stays inside the torrent's folder, which then dangles. The result is a raw
/// path below the torrent's folder without "." and ".."; nothing if the target is absolute, empty, or outside
/// by all readings.
std::optional<std::vector<std::string_view>> resolve_symlink(const std::vector<std::string_view>& link,
                                                             const std::vector<std::string_view>& target,
                                                             const SafePaths& paths);

/// The text of a link: "../b/c" for a link at "name/a/link" to "name/b/c".
std::string relative_target(std::string_view link, std::string_view target);

}  // namespace btfs
