// Choice of the file to play, among those of a torrent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace btfs::cli {

struct PlayableFile {
    std::string path;  ///< below the mountpoint
    std::uint64_t size = 0;
    bool operator==(const PlayableFile&) const = default;
};

/// Returns the files that somebody may mean who names none: the films, without samples and trailers; else
/// the music; else the largest file. In the order of their names, with "2" before "10".
std::vector<PlayableFile> playable(const std::vector<PlayableFile>& files);

/// Returns the files that `name` may mean: the one of that path; or those of that name, with or without its
/// extension; or else those whose paths contain it in upper or lower case.
std::vector<PlayableFile> named(const std::vector<PlayableFile>& files, std::string_view name);

}  // namespace btfs::cli
