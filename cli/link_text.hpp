// What `btfs info` tells of a link: what names the torrent, and where the rest is to be had.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "cli/sources.hpp"

namespace btfs::cli {

boost::json::object as_json(const TorrentSource& link);
std::string as_text(const TorrentSource& link);

}  // namespace btfs::cli
