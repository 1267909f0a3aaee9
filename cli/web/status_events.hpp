// StatusEvents: writes the events for a page that watches the mount: all once, then what has changed.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "cli/service/status_text.hpp"

namespace btfs::cli {

/// Makes the events of one listener, in the format of server-sent events: each is named "status", and its
/// data is a JSON object with what mount_json() says of the mount as a whole, "readers", and
/// - "all": true in the first, where "torrents" has every torrent;
/// - "torrents": those that are new or have changed, as torrent_json() has them, each with its "key";
/// - "gone": the keys of those that are no longer there.
class StatusEvents {
  public:
    std::string next(const MountReport& report);

  private:
    struct Told {
        std::uint64_t hash = 0;  ///< of what was said of it
        std::uint64_t round = 0;
        std::string key = {};
    };

    std::unordered_map<Roster::Index, Told> told_;
    std::uint64_t round_ = 0;
};

}  // namespace btfs::cli
