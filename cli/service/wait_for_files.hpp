// Waits until a mount shows all its files, for --wait.
#pragma once

#include <optional>

#include "cli/process/detach.hpp"
#include "cli/process/stop_signal.hpp"
#include "cli/service/served_torrents.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {

/// Returns when each source is visible in the mount or has failed for good, when `at_most` is over, when the
/// mount ends, or when the command that waits has ended. Shows progress on a terminal, and names on stderr
/// what is missing at the end. Returns the exit code of the command; the mount stays in any case.
int wait_for_files(ServedTorrents& torrents, StopSignal& stop, const Readiness& readiness,
                   std::optional<Duration> at_most);

}  // namespace btfs::cli
