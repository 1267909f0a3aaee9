// Config files: options in a part of TOML.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace btfs::cli {

/// A line `key = value` of a config file.
struct ConfigEntry {
    std::string section;  ///< "cache.prune" below [cache.prune]; empty: before the first section
    std::string key;
    std::vector<std::string> values;  ///< one, or those of an array; of a string what it stands for
    std::size_t line = 0;             ///< counted from 1
};

struct ConfigFile {
    std::filesystem::path path;
    std::vector<ConfigEntry> entries;

    /// Returns "FILE, line N: ".
    std::string place_of(const ConfigEntry& entry) const;
};

/// Parses what TOML has for options: comments, sections, keys without quotes, strings of one line, whole and
/// decimal numbers, booleans, and arrays of these, over several lines if need be. Throws Failure for
/// everything else, for an empty value and for a key that a section has twice; it names the file and the
/// line.
ConfigFile parse_config(std::string_view text, const std::filesystem::path& path);

/// Reads and parses a file of at most kMaxConfigFile bytes. Returns nothing if there is none. Throws Failure
/// if it cannot be read or is malformed.
inline constexpr std::size_t kMaxConfigFile = std::size_t{1} << 20;
std::optional<ConfigFile> load_config(const std::filesystem::path& path);

/// Files that the command line chooses, by --config FILE and --no-config.
class ConfigChoice {
  public:
    /// Removes --config and --no-config from the words before "--", and keeps the choice. Returns false if
    /// --config lacks its value.
    bool take(std::vector<std::string>& words);

    /// Loads the files; a later one overrides those before it. Without a choice these are /etc/btfs/btfs.toml
    /// and, but for root's mounts by mount(8) (`for_system`), $XDG_CONFIG_HOME/btfs/btfs.toml or
    /// ~/.config/btfs/btfs.toml, as far as they exist. Throws Failure.
    std::vector<ConfigFile> load(bool for_system) const;

  private:
    bool none_ = false;
    std::optional<std::filesystem::path> file_;
};

}  // namespace btfs::cli
