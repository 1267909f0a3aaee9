// Sets up the log as the options say.
#pragma once

#include "cli/settings/options.hpp"

namespace btfs::cli {

/// Sets the default logger up. A process that detaches (`detached`) loses its stderr once the mount stands;
/// until then stderr gets the warnings, beside a log file too. Without a log file its warnings go to the
/// system's log. Each entry is one line, whatever names it quotes, and a thread of its own writes it
/// (log::Target::queued). Throws Failure if the log file cannot be opened.
void start_logging(const LogOptions& options, bool detached);

}  // namespace btfs::cli
