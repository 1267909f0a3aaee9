// One torrent with all its details as JSON: for the terminal's view, the web page, and programs.
#pragma once

#include <boost/json/object.hpp>

#include "cli/service/details_report.hpp"

namespace btfs::cli {

/// torrent_json(), and in it "known_peers": peers whose addresses are known; "trackers": tracker_json() of
/// each; "connections": peer_json() of each; "files": {"path": below the mountpoint, "size": in bytes,
/// "offset": in the torrent, "had": bytes or null while that is not known, "pinned"} of each; and "pieces",
/// null while the metadata is missing: {"count", "length": in bytes, "had": their number, "per_cell", "map",
/// "availability": as PieceCells has them}.
boost::json::object torrent_details_json(const DetailsReport& report);

}  // namespace btfs::cli
