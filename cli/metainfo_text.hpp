// Formats a torrent file for `btfs info`.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "engine/metainfo/metainfo.hpp"

namespace btfs::cli {

boost::json::object as_json(const Metainfo& torrent);
std::string as_text(const Metainfo& torrent);

}  // namespace btfs::cli
