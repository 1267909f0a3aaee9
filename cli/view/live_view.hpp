// The live view of a mount: fills the terminal until the user ends it.
#pragma once

#include <filesystem>

#include "engine/core/time.hpp"

namespace btfs::cli {

/// Shows the mount that is asked at `socket` and, every `interval`, what has changed. Returns when the user,
/// or a signal, ends it. Throws Failure, with the terminal as it was: the mount does not answer (any more).
/// Called before the process has other threads; the terminal is_full_terminal().
void run_live_view(const std::filesystem::path& socket, Duration interval);

}  // namespace btfs::cli
