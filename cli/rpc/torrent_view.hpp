// TorrentView: one torrent as Transmission's RPC sees it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "cli/service/served_torrents.hpp"
#include "cli/service/status_text.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {

/// Numbers of Transmission's "status".
enum class RpcStatus : int { stopped = 0, check_waiting = 1, checking = 2, downloading = 4, seeding = 6 };

/// Facts that all torrents of an answer share.
struct RpcMount {
    std::string download_dir;  ///< of torrents that the library does not have
    std::size_t max_peers = 0;
    std::int64_t now_s = 0;  ///< since 1970
    TimePoint now = {};      ///< the same moment

    /// Returns a moment in seconds since 1970; 0 for none, as clients expect it.
    std::int64_t seconds_of(const std::optional<TimePoint>& moment) const {
        if (!moment) return 0;
        return now_s + std::chrono::duration_cast<std::chrono::seconds>(*moment - now).count();
    }
};

/// The mapping, in one place. Files that are fetched on demand are unwanted, pinned ones are wanted; so a
/// torrent of which nothing is pinned wants nothing more, and is complete: its files can be read. A torrent
/// whose files are not known is being downloaded. One that is paused, or uploads no more since its goal is
/// reached, is stopped. While what the cache has is verified anew, that is its status, whatever it is
/// otherwise.
struct TorrentView {
    const TorrentReport& report;
    const RpcMount& mount;
    const ContentReport* content = nullptr;  ///< null if it was not asked for, or is not known
    const DetailsReport* details = nullptr;  ///< the same
    const std::vector<tracker::TrackerStatus>* trackers = nullptr;  ///< the same
    std::uint64_t pinned_left = 0;  ///< bytes that pinned files lack, if needs_pinned_left()
    std::int64_t active_s = 0;      ///< when content was last transferred, seconds since 1970; 0: never

    const RosterEntry& entry() const { return report.entry; }
    const TorrentFacts& facts() const;
    const TorrentStatus& engine() const;
    std::int64_t id() const { return rpc_id(report.index); }
    static std::int64_t rpc_id(Roster::Index index) {
        return static_cast<std::int64_t>(Roster::id_of(index));
    }

    bool is_known() const { return entry().visible(); }
    RpcStatus status() const;
    bool is_downloading() const { return transfer_status() == RpcStatus::downloading; }
    std::uint64_t size_when_done() const;
    /// Of all files; 0 until they can be read, by which Sonarr tells a torrent that waits from one that
    /// downloads.
    std::uint64_t total_size() const;
    std::uint64_t left_until_done() const;
    std::uint64_t bytes_had() const;
    /// Seconds that are left, -1 if nothing is downloaded, -2 if that cannot be told.
    std::int64_t eta() const;
    /// Of this run; -1: nothing was had.
    double upload_ratio() const;
    std::string download_dir() const;

  private:
    RpcStatus transfer_status() const;
};

/// True if pinned_left() has to be asked for: some files are pinned, others are not.
bool needs_pinned_left(const RosterEntry& entry);

}  // namespace btfs::cli
