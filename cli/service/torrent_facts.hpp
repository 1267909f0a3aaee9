// TorrentFacts: facts of a torrent that never change, for those who list it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/sources/sources.hpp"
#include "engine/metainfo/metainfo.hpp"

namespace btfs::cli {

/// Immutable, so that those who list ten thousand torrents share it.
struct TorrentFacts {
    /// Bytes of the comment, of the creator's name and of the source that are kept.
    static constexpr std::size_t kMaxText = 4096;

    std::vector<std::vector<std::string>> trackers;  ///< in tiers, as the source has them
    std::vector<std::string> web_seeds;              ///< as the source has them
    // Zero and empty until the torrent's description is known:
    std::uint64_t size = 0;  ///< in bytes, with padding
    std::uint32_t piece_length = 0;
    std::uint32_t piece_count = 0;
    std::uint32_t file_count = 0;  ///< without pad files
    bool is_private = false;
    std::int64_t created = 0;  ///< seconds since 1970; 0: its file does not say
    std::string comment;
    std::string creator;
    std::string source = {};  ///< as Metainfo has it

    /// Takes what the description says.
    void take(const Metainfo& metainfo);
};

}  // namespace btfs::cli
