// Options of each command of btfs, and the functions that carry the commands out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/time.hpp"
#include "engine/mse/encryption.hpp"
#include "engine/net/transport.hpp"

namespace btfs::cli {

struct LogOptions {
    std::string level = "info";
    std::filesystem::path file;  ///< empty: stderr, while there is one
};

/// Options of mount and seed that bound what is transferred.
struct TransferOptions {
    std::optional<std::uint64_t> upload_limit;    ///< bytes per second; 0: as no_upload
    std::optional<std::uint64_t> download_limit;  ///< bytes per second, not 0
    bool limit_local = false;
    bool no_upload = false;
    std::optional<double> seed_ratio;
    std::optional<Duration> seed_time;
};

/// Options of mount and seed that concern the network.
struct NetworkOptions {
    std::uint16_t port = 0;
    std::vector<std::string> peers;  ///< HOST:PORT
    std::size_t max_peers = 80;
    std::size_t max_connections = 0;   ///< 0: as the limit of open files allows
    std::vector<std::string> bind;     ///< an interface, or an address of each family at most
    std::string proxy;                 ///< a URL, perhaps with credentials; empty: see proxy_setting()
    std::filesystem::path proxy_file;  ///< that holds such a URL; empty: none
    Encryption encryption = Encryption::allow;
    std::filesystem::path ip_filter;  ///< empty: none
    net::Transport transport = net::Transport::both;
    bool no_pex = false;
    bool no_lsd = false;
    bool no_dht = false;
    std::vector<std::string> dht_bootstrap;  ///< HOST:PORT; empty: the well-known ones
    bool no_portmap = false;
    TransferOptions transfer;

    /// Whether the gateway is asked to let peers in. Not with --bind, since the libraries that ask it choose
    /// their route themselves.
    bool port_mapping() const { return !no_portmap && bind.empty(); }
};

/// How much of a disk the cache may take. At most one of the first three is set.
struct CacheSizeOptions {
    std::optional<std::uint64_t> bytes;
    std::optional<double> percent;  ///< of the file system that the cache lies on
    bool unlimited = false;
    std::uint64_t min_free = std::uint64_t{1} << 30;
};

struct MountOptions {
    std::vector<std::string> sources;
    std::filesystem::path mountpoint;
    bool foreground = false;
    std::vector<std::string> fuse_options;    ///< lists of mount options, as -o had them
    std::filesystem::path cache_dir;          ///< empty: default_cache_path()
    std::vector<std::filesystem::path> data;  ///< folders in which other clients have saved torrents
    CacheSizeOptions cache_size;
    bool for_system = false;  ///< started by mount(8)
    NetworkOptions network;
    bool background = false;
    double read_timeout_s = 0;  ///< 0: none
    /// How long the command waits until all files are visible, in seconds; may be infinity. Nothing: not at
    /// all.
    std::optional<double> wait_s;
    LogOptions log;
};

struct PinOptions {
    std::vector<std::filesystem::path> paths;
    bool unpin = false;
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
int pin(const PinOptions& options);
int info(const InfoOptions& options);
int create(const CreateOptions& options);
int seed(const SeedOptions& options);
int cache_list(const CacheOptions& options);
int cache_verify(const CacheOptions& options);
int cache_prune(const CacheOptions& options);
int cache_clear(const CacheOptions& options);
int export_path(const ExportOptions& options);

}  // namespace btfs::cli
