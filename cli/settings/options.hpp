// Options that several commands have.
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

/// The web server of a mount.
struct WebOptions {
    std::string where;                    ///< as parse_web_address() has it; empty: there is none
    std::filesystem::path password_file;  ///< empty: no password is asked for
    std::vector<std::string> names;       ///< that this machine has, beside its addresses and its host name
};

}  // namespace btfs::cli
