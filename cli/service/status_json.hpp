// The status of torrents as JSON: for other commands, and for programs.
#pragma once

#include <boost/json/object.hpp>

#include "cli/service/status_text.hpp"

namespace btfs::cli {

/// {"name": in the mount or as its source calls it, "info_hash": in hex or null, "state": state_text(),
/// "size": in bytes or null, "had": bytes, "peers": connected, "seeds": among them, "down", "up": bytes per
/// second, "label", "url": of its file, without secrets, "error": why it will never be there; the last three
/// are null if there is none}. Names that are no UTF-8 have its replacement character.
boost::json::object torrent_json(const TorrentReport& report);

}  // namespace btfs::cli
