// Options that several commands have, as the command line takes them.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "cli/settings/options.hpp"

namespace btfs::cli {

// Each adds its options to a command; what the user gives is written to the second argument, which outlives
// the command.

/// Returns the bytes per second of a word such as 500K or 2M (K is 1024), or nothing for another word.
std::optional<std::uint64_t> parse_rate(const std::string& text);

void add_log_options(CLI::App& app, LogOptions& log);
void add_network_options(CLI::App& app, NetworkOptions& network);
/// Options that bound what is uploaded.
void add_upload_options(CLI::App& app, TransferOptions& transfer);
/// Options that bound what is downloaded, or affect it. After add_upload_options(), some of which exclude one
/// of them.
void add_download_options(CLI::App& app, TransferOptions& transfer);
void add_web_options(CLI::App& app, WebOptions& web);
void add_cache_dir_option(CLI::App& app, std::filesystem::path& cache_dir);
void add_cache_size_options(CLI::App& app, CacheSizeOptions& size);

}  // namespace btfs::cli
