// Options of each command of btfs, and the functions that carry the commands out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/service/fetching.hpp"
#include "cli/service/watch_folder.hpp"
#include "cli/settings/options.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {

struct MountOptions {
    std::vector<std::string> sources;  ///< may be empty: torrents are added to the running mount
    std::filesystem::path mountpoint;
    std::string passed_device = {};  ///< see passed_descriptor(); empty: the mount is still to be made
    bool foreground = false;
    std::vector<std::string> fuse_options;    ///< lists of mount options, as -o had them
    std::filesystem::path cache_dir;          ///< empty: default_cache_path()
    std::vector<std::filesystem::path> data;  ///< folders in which other clients have saved torrents
    CacheSizeOptions cache_size;
    bool for_system = false;  ///< started by mount(8)
    bool for_player = false;  ///< started by `btfs play`: remembers nothing
    NetworkOptions network;
    bool background = false;
    double read_timeout_s = 0;  ///< 0: none
    /// How long the command waits until all files are visible, in seconds; may be infinity. Nothing: not at
    /// all.
    std::optional<double> wait_s;
    std::vector<std::filesystem::path> watch;  ///< folders whose torrents are added as they come
    WatchMode watch_mode = WatchMode::rename;
    WebOptions web;
    bool no_control = false;        ///< nothing can be asked of the running mount
    std::filesystem::path library;  ///< where links by label are kept; empty: nowhere
    LogOptions log;
};

struct AddOptions {
    std::vector<std::string> sources;
    std::filesystem::path mountpoint;  ///< empty: this user's only mount
    std::string label;
    bool pin = false;
};

struct RemoveOptions {
    std::vector<std::string> torrents;  ///< names, info-hashes, URLs, or paths in a mount
    std::filesystem::path mountpoint;   ///< empty: this user's only mount
    bool delete_data = false;           ///< what the cache has of them, too
};

/// Limit of a torrent that is set; nothing inside: the mount's own holds again.
template <class Number>
using NewLimit = std::optional<std::optional<Number>>;

struct SetOptions {
    std::vector<std::string> torrents;       ///< names, info-hashes, URLs, or paths in a mount
    std::filesystem::path mountpoint;        ///< empty: this user's only mount
    std::vector<std::string> labels;         ///< as given; empty: they stay as they are
    NewLimit<std::uint64_t> download_limit;  ///< bytes per second
    NewLimit<std::uint64_t> upload_limit;    ///< bytes per second
    NewLimit<std::uint64_t> max_peers;
    NewLimit<double> seed_ratio;  ///< infinity: no ratio ends uploading
};

/// Options of pause and resume.
struct PauseOptions {
    std::vector<std::string> torrents;  ///< names, info-hashes, URLs, or paths in a mount
    std::filesystem::path mountpoint;   ///< empty: this user's only mount
    bool paused = true;
};

struct ListOptions {
    std::filesystem::path mountpoint;  ///< empty: this user's only mount
    bool json = false;
    bool names = false;  ///< one a line, and nothing else
};

struct StatusOptions {
    std::filesystem::path mountpoint;  ///< empty: this user's only mount
    bool json = false;
    bool once = false;      ///< plain text, also on a terminal
    double interval_s = 1;  ///< of the live view
};

/// Options of pin, unpin and prefetch.
struct FetchOptions {
    std::vector<std::filesystem::path> paths;
    Fetching fetching = Fetching::pinned;
};

struct WaitOptions {
    std::vector<std::filesystem::path> paths;
    std::optional<Duration> at_most;
};

struct PlayOptions {
    std::string source;
    std::string file;    ///< its path, its name or a part of it; empty: the film
    std::string player;  ///< as a shell has it; empty: $BTFS_PLAYER, else one that is installed
    std::vector<std::string> mount_options;  ///< as -o of mount has them
};

struct InfoOptions {
    std::string source;
    bool json = false;
};

struct CreateOptions {
    std::filesystem::path path;
    std::filesystem::path output;
    std::vector<std::string> trackers;
    std::vector<std::string> web_seeds;
    std::uint64_t piece_size = 0;  ///< 0: chosen by size
    bool is_private = false;
    std::string comment;
};

struct SeedOptions {
    CreateOptions create;
    bool super_seed = false;
    NetworkOptions network;
    LogOptions log;
};

/// Options of all `btfs cache` commands; each has some of them.
struct CacheOptions {
    std::filesystem::path cache_dir;        ///< empty: default_cache_path()
    std::vector<std::string> torrents;      ///< names or info-hashes; empty: all
    bool json = false;                      ///< list
    bool names = false;                     ///< list: one a line, and nothing else
    std::optional<std::uint64_t> prune_to;  ///< bytes on disk
    std::optional<Duration> older_than;     ///< since the last use
};

struct ExportOptions {
    std::filesystem::path path;         ///< in a mount
    std::filesystem::path destination;  ///< a folder that exists: into it
    std::filesystem::path cache_dir;    ///< empty: default_cache_path()
    bool force = false;                 ///< replace what is there
    bool wait = false;                  ///< fetch what is not there yet
};

/// Each returns the exit code, or throws Failure.
int mount(const MountOptions& options);
int umount(const std::filesystem::path& mountpoint);
int add(const AddOptions& options);
int remove(const RemoveOptions& options);
int set(const SetOptions& options);
int pause(const PauseOptions& options);
int list(const ListOptions& options);
int status(const StatusOptions& options);
int fetch(const FetchOptions& options);
int wait(const WaitOptions& options);
int play(const PlayOptions& options);
int info(const InfoOptions& options);
int create(const CreateOptions& options);
int seed(const SeedOptions& options);
int cache_list(const CacheOptions& options);
int cache_verify(const CacheOptions& options);
int cache_prune(const CacheOptions& options);
int cache_clear(const CacheOptions& options);
int export_path(const ExportOptions& options);

}  // namespace btfs::cli
