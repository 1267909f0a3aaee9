// Where the log goes.
#pragma once

#include "cli/commands.hpp"

namespace btfs::cli {

/// Sets the default logger up. `detached`: there is no stderr to write to. Throws Failure if the log file
/// cannot be opened.
void start_logging(const LogOptions& options, bool detached);

}  // namespace btfs::cli
