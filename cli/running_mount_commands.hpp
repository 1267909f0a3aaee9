// Commands that speak to a running mount, on the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace btfs::cli {

/// Adds add, rm, set, pause, resume, ls, status, pin, unpin, prefetch and wait. The one that is given is run
/// when `app` parses it, and its exit code written to `exit_code`, which outlives `app`.
void add_running_mount_commands(CLI::App& app, int& exit_code);

}  // namespace btfs::cli
