// btfs mount --wait: the command returns when there are files.
#pragma once

#include <optional>

#include "cli/detach.hpp"
#include "cli/served_torrents.hpp"
#include "cli/stop_signal.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {

/// Returns when everything that was asked for is visible in the mount, or never will be, or `at_most` is
/// over, or the mount ends, or nobody waits any more. A line on the terminal tells how it goes; stderr says
/// what is missing at the end. Gives the exit code of the command; the mount stays in any case.
int wait_for_files(ServedTorrents& torrents, StopSignal& stop, const Readiness& readiness,
                   std::optional<Duration> at_most);

}  // namespace btfs::cli
