// Changes of a torrent's trackers, as Transmission's RPC has them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/rpc/rpc_arguments.hpp"

namespace btfs::cli {

using TrackerList = std::vector<std::vector<std::string>>;

/// tracker_list, tracker_replace, tracker_remove and tracker_add of one request, which may be meant for many
/// torrents: parsed once, with a bound for each.
class TrackerChange {
  public:
    /// Throws RpcError: they are of another form, or name more trackers than a torrent may have.
    explicit TrackerChange(const RpcArguments& arguments);

    /// Returns true if the request changes no trackers.
    bool is_empty() const;
    /// Returns the trackers, in tiers, after the list or, one after the other, replacements, removals and
    /// additions. Trackers are named by their places. A URL that clients are shown without its secrets stands
    /// for the one that it was made of. Throws RpcError: no such tracker, no URL of a tracker, one that is
    /// there already, or too many.
    TrackerList applied_to(const TrackerList& trackers) const;

  private:
    std::optional<TrackerList> list_;
    std::optional<std::vector<std::pair<std::int64_t, std::string>>> replaced_;
    std::optional<std::vector<std::int64_t>> removed_;
    std::optional<std::vector<std::string>> added_;
};

}  // namespace btfs::cli
