// URLs at a seed of either kind.
#pragma once

#include <variant>

#include "engine/webseed/file_urls.hpp"
#include "engine/webseed/piece_urls.hpp"

namespace btfs::webseed {

using SeedUrls = std::variant<FileUrls, PieceUrls>;

}  // namespace btfs::webseed
