// Names of torrents at the mount's root.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/hash.hpp"

namespace btfs {

struct NamedTorrent {
    std::string_view name;
    Sha1Digest info_hash;
};

/// A distinct name for each, in their order. A name that is one torrent's alone, and not `reserved`, is its
/// own; one that several have is nobody's: each gets the first eight digits of its info-hash, as in
/// "film [1a2b3c4d].mkv". The names follow from which torrents there are, in whatever order they came.
std::vector<std::string> root_names(std::span<const NamedTorrent> torrents, std::string_view reserved);

}  // namespace btfs
