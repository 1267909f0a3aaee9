// Snapshot of a torrent's state.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "engine/swarm/peer_status.hpp"
#include "engine/swarm/piece_map.hpp"
#include "engine/swarm/reader_waits.hpp"
#include "engine/swarm/torrent.hpp"
#include "engine/tracker/announcer.hpp"

namespace btfs {

/// Names a torrent of an engine; never used for another one.
using TorrentHandle = std::size_t;

struct TorrentStatus {
    std::size_t peers = 0;        ///< connected
    std::size_t peers_known = 0;  ///< by their address, connected ones included
    std::size_t seeds = 0;        ///< among the connected
    TransferRates rates;
    /// Bytes of content, of this run. `wasted` as TransferTotals has it.
    std::uint64_t downloaded = 0, uploaded = 0, wasted = 0;
    /// Nothing while only the torrent's name is known.
    struct Content {
        std::uint64_t size = 0;
        std::uint64_t left = 0;
    };
    std::optional<Content> content;
    MetadataProgress metadata;  ///< until then
    bool paused = false;        ///< by the user
    /// Nobody is unchoked any more, since this goal is reached.
    std::optional<SeedGoal> seeding_ended = {};
    /// The one that answers; else the first with a message. Nothing without usable trackers.
    std::optional<tracker::TrackerStatus> tracker;
    /// Trackers whose URLs cannot be used, the first kMaxUnusableShown.
    std::vector<tracker::TrackerStatus> unusable_trackers = {};
    static constexpr std::size_t kMaxUnusableShown = 5;
    std::vector<PeerStatus> connections = {};
    std::vector<ReaderWait> waits = {};  ///< why each reader waits that does

    /// Sets `tracker` and `unusable_trackers`. Unusable ones stand at the end of `trackers`.
    void show_trackers(std::vector<tracker::TrackerStatus> trackers);
};

/// Status of one torrent with the parts that cost too much for the status of all torrents.
struct TorrentDetails {
    static constexpr std::size_t kMaxTrackers = 50;

    TorrentStatus status;
    /// In the order in which they are asked, once for each address family; those that cannot be used come
    /// last. The first kMaxTrackers.
    std::vector<tracker::TrackerStatus> trackers;
    std::optional<PieceMap> pieces;  ///< nothing while only the torrent's name is known
};

/// Bytes of content that an engine has transferred, of all torrents, those that were removed included.
struct TransferTotals {
    ReceivedBytes received;
    std::uint64_t wasted = 0;  ///< received twice, or of pieces that did not match their hashes
    std::uint64_t sent = 0;
    std::uint64_t hedges = 0;  ///< requests for blocks that another peer was asked for already

    void add(const TorrentTotals& torrent) {
        received += torrent.received;
        wasted += torrent.wasted;
        sent += torrent.uploaded;
        hedges += torrent.hedges;
    }
};

/// The state of all torrents of an engine.
class TorrentStatuses {
  public:
    TransferTotals totals;

    void reserve(std::size_t count) { all_.reserve(count); }
    /// Handles are added in their order.
    void add(TorrentHandle torrent, TorrentStatus status) { all_.emplace_back(torrent, std::move(status)); }
    /// Returns null for a torrent that the engine has not.
    const TorrentStatus* find(TorrentHandle torrent) const {
        const auto found = std::ranges::lower_bound(all_, torrent, {}, &Entry::first);
        return found == all_.end() || found->first != torrent ? nullptr : &found->second;
    }
    std::size_t size() const { return all_.size(); }

  private:
    using Entry = std::pair<TorrentHandle, TorrentStatus>;
    std::vector<Entry> all_;
};

}  // namespace btfs
