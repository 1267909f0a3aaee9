// Options of config files, as words of the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "cli/settings/config_file.hpp"

namespace btfs::cli {

/// Returns `arguments` with the options that the files of `load` have for the command in them, behind its
/// name. `app` has all commands and options; it is used up: its callbacks are removed, and it parses the
/// arguments to see what they give.
///
/// A section holds for its command and those below it, entries before the first section for all commands that
/// have the option. A word of the command line overrides all files, a later file overrides an earlier one,
/// and a deeper section its outer ones; so does an option that excludes the other. `~/` at the start of a
/// value is the home directory. Options of running one command alone, as --help, cannot stand in a file.
/// Throws Failure, which names the file and the line, for an option that no command of the section has and,
/// for the command that is given, if the value cannot be used or two options of a file exclude each other;
/// throws what `load` throws. --help and --version load nothing.
std::vector<std::string> with_config(CLI::App& app, std::vector<std::string> arguments,
                                     const std::function<std::vector<ConfigFile>()>& load);

}  // namespace btfs::cli
