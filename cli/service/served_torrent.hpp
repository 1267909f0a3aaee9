// ServedTorrent: all that a mount has of one torrent whose content is known.
#pragma once

#include <memory>

#include "cache/torrent_store.hpp"
#include "cli/service/engine_demand.hpp"
#include "cli/service/roster.hpp"
#include "engine/core/identity.hpp"
#include "engine/session/engine.hpp"
#include "fs/mounted_torrent.hpp"

namespace btfs::cli {

/// Goes when its torrent was removed, the engine has let go of the store, and none of its files is open.
struct ServedTorrent {
    Roster::Index index;
    Identity identity;
    std::unique_ptr<EngineDemand> demand = nullptr;  ///< before the store, whose last jobs may use it
    std::unique_ptr<TorrentStore> store = nullptr;
    TorrentHandle handle = 0;
    Slot slot = 0;
    Pins pins = {};
    std::shared_ptr<const Bytes> info = {};  ///< its info dictionary
    bool drop_data = false;                  ///< what was fetched of it goes when the store has ended
    bool engine_uses = true;
    bool files_use = true;
};

}  // namespace btfs::cli
