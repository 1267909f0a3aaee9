// Where the log goes.
#pragma once

#include "cli/commands.hpp"

namespace btfs::cli {

/// Sets the default logger up. `detached`: stderr is there only until the
/// mount is, and gets warnings alone. Throws Failure if the log file
/// cannot be opened.
void start_logging(const LogOptions& options, bool detached);

}  // namespace btfs::cli
