// The command line: its commands, options and help.
#pragma once

#include <string>
#include <vector>

namespace btfs::cli {

/// Parses the words of the command line, the program's name first, and runs the command that they name;
/// mount(8)'s way of calling a mount helper is understood too. Options that the command line does not have
/// are taken from the config files. Returns the exit code; a wrong command line is told on stderr and gives
/// kUsage. Throws Failure for a wrong config file, and what the command throws.
int run(const std::vector<std::string>& words);

}  // namespace btfs::cli
