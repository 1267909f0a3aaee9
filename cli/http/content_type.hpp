// Media types of files, by their names.
#pragma once

#include <string_view>

namespace btfs::cli {

/// Returns the Content-Type for a file of a torrent; "application/octet-stream" if its ending is not known.
/// Pages, scripts and drawings that a browser would run are plain text.
std::string_view content_type(std::string_view name);

/// Returns true if players play such a file: video or audio.
bool is_media(std::string_view name);

}  // namespace btfs::cli
