// ContentReport: the files and pieces of a torrent whose description is known.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/service/served_torrent.hpp"
#include "engine/core/bitfield.hpp"
#include "engine/core/layout.hpp"
#include "fs/filesystem.hpp"

namespace btfs::cli {

struct ContentReport {
    struct File {
        std::string path;  ///< below the mountpoint: NAME, or NAME/FOLDER/FILE
        std::uint64_t size = 0;
        std::uint64_t had = 0;  ///< bytes of it in pieces that are whole
        std::uint32_t first_piece = 0;
        std::uint32_t end_piece = 0;
        bool pinned = false;
    };

    std::vector<File> files;        ///< in the order of the torrent, without pad files
    Bitfield pieces;                ///< that are had
    std::uint64_t pinned_left = 0;  ///< bytes of pinned files that are not had
};

/// Returns the files of a layout that a ContentReport lists, by their places in the layout.
std::vector<std::uint32_t> listed_files(const Layout& layout);

// Of a torrent that is shown; on the thread of ServedTorrents' worker.
ContentReport content_of(const ServedTorrent& served, const Filesystem& filesystem);
/// Returns the bytes of pinned files that are not had.
std::uint64_t pinned_left_of(const ServedTorrent& served);

}  // namespace btfs::cli
