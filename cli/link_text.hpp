// Formats for `btfs info` a torrent of which only a link is known.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "cli/sources/sources.hpp"

namespace btfs::cli {

boost::json::object as_json(const TorrentSource& link);
std::string as_text(const TorrentSource& link);

}  // namespace btfs::cli
