// Changes of a torrent's trackers, as Transmission's RPC has them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/rpc/rpc_arguments.hpp"

namespace btfs::cli {

using TrackerList = std::vector<std::vector<std::string>>;

/// Returns the trackers, in tiers, after tracker_list or, one after the other, tracker_replace,
/// tracker_remove and tracker_add; nothing if none of these is given. Trackers are named by their places. A
/// URL that clients are shown without its secrets stands for the one that it was made of. Throws RpcError: no
/// such tracker, no URL of a tracker, one that is there already, or too many.
std::optional<TrackerList> changed_trackers(const TrackerList& trackers, const RpcArguments& arguments);

}  // namespace btfs::cli
