// Formats the status of a mount: `.btfs/status`, and the line that --wait shows.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/service/roster.hpp"
#include "engine/session/torrent_status.hpp"
#include "fs/read_times.hpp"
#include "fs/reader_status.hpp"

namespace btfs::cli {

/// One torrent of the mount.
struct TorrentReport {
    RosterEntry entry;                    ///< its name is the one in the mount, if it is there
    std::optional<TorrentStatus> status;  ///< nothing while the engine has not got it
    Roster::Index index = 0;              ///< of the entry: stable while the mount stands, never used again
};

/// The mount as a whole.
struct MountReport {
    std::vector<TorrentReport> torrents;  ///< in the order of the sources
    std::vector<ReaderStatus> readers;
    std::map<ReaderId, std::string> why = {};  ///< in words, of each reader that waits
    std::string proxy;                         ///< Engine::proxy_text()
    std::uint16_t port = 0;                    ///< at which peers reach us; 0: at none
    TransferTotals totals = {};
    std::uint64_t cache_used = 0;                   ///< bytes on disk; 0 without a bound
    std::optional<std::uint64_t> cache_limit = {};  ///< nothing: there is no bound
    std::uint64_t cache_evicted = 0;                ///< bytes, since the mount was made
    ReadTimesStatus read_times = {};
    std::uint64_t scans = 0;  ///< ReadPath::scan_count()
    Duration age{};           ///< since the mount was made
};

/// Returns a line of totals, lines of the proxy and of scans if there are any, then a section for each
/// torrent: an empty line, and lines of "key: value". MANUAL.md describes them. Text from others is made
/// one_line().
std::string status_text(const MountReport& report);

/// "2 files opened to be looked into, with nothing fetched ahead".
std::string scans_text(std::uint64_t scans);

/// "ready", "paused", "failed", or what it waits for.
std::string state_text(const TorrentReport& report);

/// "40 %", or that it waits for its turn.
std::string verifying_text(const RecheckProgress::State& state);

/// "asked of 3 peers", "all 2 peers that have it choke us": why a reader waits.
std::string why_text(const ReaderWait& wait);

/// "waiting for metadata: 12 peers, 3 of 7 pieces", over all that is not visible yet and may still be.
std::string waiting_text(std::span<const TorrentReport> reports);

}  // namespace btfs::cli
