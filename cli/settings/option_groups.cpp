#include "cli/settings/option_groups.hpp"

#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include "cli/http/web_address.hpp"
#include "cli/settings/cache_size.hpp"
#include "cli/text/duration_text.hpp"
#include "cli/text/human_size.hpp"
#include "cli/text/number_text.hpp"

namespace btfs::cli {
namespace {

constexpr const char* kNoLimit = "none";
const std::map<std::string, Encryption> kEncryptions{{"off", Encryption::off},
                                                     {"allow", Encryption::allow},
                                                     {"prefer", Encryption::prefer},
                                                     {"require", Encryption::require}};
const std::map<std::string, net::Transport> kTransports{
    {"tcp", net::Transport::tcp}, {"utp", net::Transport::utp}, {"both", net::Transport::both}};
/// Of a limit, in bytes per second.
constexpr double kMaxRate = 1e12;

/// Adds an option of bytes per second.
CLI::Option* add_rate(CLI::App& app, const char* name, std::optional<std::uint64_t>& rate, const char* text) {
    return app.add_option(name, rate, text)
        ->transform(CLI::AsSizeValue(false))
        ->check([](const std::string& bytes) {  // CLI11 takes a number below 0 for a huge one
            return parse_number(bytes).value_or(kMaxRate + 1) <= kMaxRate ? "" : "give a rate, as 500K or 2M";
        });
}

/// Takes a size as 10G, a percentage as 25%, or "none". Returns what is wrong with it; empty: nothing.
std::string take_cache_size(const std::string& text, CacheSizeOptions& size) {
    if (text == kNoLimit) {
        size.unlimited = true;
        return {};
    }
    if (text.ends_with('%')) {
        size.percent = parse_number(text.substr(0, text.size() - 1));
        const bool possible = size.percent && *size.percent > 0 && *size.percent <= 100;
        return possible ? "" : "give a percentage above 0 and up to 100, as 25%";
    }
    std::string bytes = text;
    const std::string error = CLI::AsSizeValue(false)(bytes);
    if (!error.empty() || text.starts_with('-')) return "give a size, as 10G, a percentage, as 25%, or none";
    size.bytes = std::strtoull(bytes.c_str(), nullptr, 10);
    return *size.bytes >= kLeastCacheSize ? "" : "a cache takes at least " + human_size(kLeastCacheSize);
}

}  // namespace

std::optional<std::uint64_t> parse_rate(const std::string& text) {
    std::string bytes = text;
    try {
        if (text.starts_with('-') || !CLI::AsSizeValue(false)(bytes).empty()) return std::nullopt;
    } catch (const CLI::ValidationError&) {  // an unknown unit
        return std::nullopt;
    }
    const auto rate = parse_number(bytes);
    return rate && *rate <= kMaxRate ? std::optional(static_cast<std::uint64_t>(*rate)) : std::nullopt;
}

void add_log_options(CLI::App& app, LogOptions& log) {
    app.add_option("--log-level", log.level, "trace, debug, info, warn, error or off")
        ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
        ->capture_default_str();
    app.add_option("--log-file", log.file, "Write the log here instead of to stderr");
}

void add_network_options(CLI::App& app, NetworkOptions& network) {
    app.add_option("--port", network.port, "Port for incoming peers (default: 6881, or a free one)")
        ->check(CLI::Range(1, 65535));
    app.add_option("--peer", network.peers, "A peer to connect to, HOST:PORT (may be given several times)")
        ->allow_extra_args(false);
    app.add_option("--max-peers", network.max_peers, "Most connections for each torrent")
        ->check(CLI::Range(1, 2000))
        ->capture_default_str();
    app.add_option("--max-connections", network.max_connections,
                   "Most connections of all torrents together (default: 500, or what the limit of open files "
                   "allows)")
        ->check(CLI::Range(1, 100000));
    app.add_option("--bind", network.bind,
                   "Interface or address that everything goes over, name look-ups included, or nowhere")
        ->allow_extra_args(false);
    app.add_option(
           "--proxy", network.proxy,
           "Proxy that everything goes through, or nowhere: socks5://[USER:PASSWORD@]HOST:PORT or "
           "http://[USER:PASSWORD@]HOST:PORT. Other users see a password that stands here: give it in "
           "--proxy-file, or in the environment as BTFS_PROXY")
        ->allow_extra_args(false);
    app.add_option("--proxy-file", network.proxy_file, "A file that holds the URL of --proxy; mode 600")
        ->allow_extra_args(false)
        ->excludes("--proxy");
    app.add_option_function<std::string>(
           "--encryption",
           [&network](const std::string& text) { network.encryption = kEncryptions.at(text); },
           "Encryption of connections: off, allow (peers are dialled plain first), prefer (encrypted first) "
           "or require (nothing else, both ways)")
        ->check(CLI::IsMember({"off", "allow", "prefer", "require"}))
        ->default_str("allow");
    app.add_option(
           "--ip-filter", network.ip_filter,
           "A file of addresses that are no peers: eMule's .dat, PeerGuardian's .p2p, or addresses and "
           "networks; plain, or compressed with gzip. SIGHUP rereads it")
        ->allow_extra_args(false);
    app.add_option_function<std::string>(
           "--transport", [&network](const std::string& text) { network.transport = kTransports.at(text); },
           "What carries connections: tcp, utp or both (TCP is dialled first)")
        ->check(CLI::IsMember({"tcp", "utp", "both"}))
        ->default_str("both");
    app.add_flag("--no-pex", network.no_pex, "Do not exchange peers with peers");
    app.add_flag("--no-lsd", network.no_lsd, "Do not look for peers in the local network");
    app.add_flag("--no-dht", network.no_dht, "Do not take part in the DHT");
    app.add_option(
           "--dht-bootstrap", network.dht_bootstrap,
           "A DHT node to start from, HOST:PORT, in place of the well-known ones (may be given several "
           "times)")
        ->allow_extra_args(false);
    app.add_flag("--no-portmap", network.no_portmap,
                 "Do not ask the router to let peers in (PCP, NAT-PMP, UPnP)");
}

void add_upload_options(CLI::App& app, TransferOptions& transfer) {
    add_rate(
        app, "--upload-limit", transfer.upload_limit,
        "Most bytes of content per second to upload, as 500K or 2M (K is 1024; default: no limit; 0: upload "
        "nothing)");
    app.add_flag("--limit-local", transfer.limit_local,
                 "Limits hold for peers in the local network, too, which are free otherwise");
    app.add_option("--seed-ratio", transfer.seed_ratio,
                   "Upload no more of a torrent once so many bytes were uploaded for each byte downloaded. "
                   "This run counts, and what was here at its start counts as downloaded")
        ->check([](const std::string& text) {
            const auto ratio = parse_number(text);
            return ratio && *ratio > 0 && std::isfinite(*ratio) ? "" : "give a number above 0, as 1.5";
        });
    app.add_option_function<std::string>(
           "--seed-time", [&transfer](const std::string& text) { transfer.seed_time = parse_duration(text); },
           "Upload no more of a torrent once it has been complete for so long in this run, as 30m or 2h")
        ->check([](const std::string& text) {
            return parse_duration(text) ? "" : "give a time, as 90s, 30m, 2h or 1d";
        });
}

void add_download_options(CLI::App& app, TransferOptions& transfer) {
    add_rate(
        app, "--download-limit", transfer.download_limit,
        "Most bytes of content per second to download, as 500K or 2M (default: no limit). What reads wait "
        "for goes first")
        ->check([](const std::string& text) {
            return text == "0" ? "a limit of 0 would fetch nothing; without the option there is no limit"
                               : "";
        });
    CLI::Option* no_upload = app.add_flag(
        "--no-upload", transfer.no_upload,
        "Upload nothing. This is rude, and slow where peers are leechers: they feed those who feed them");
    for (const char* other : {"--upload-limit", "--seed-ratio", "--seed-time"})
        no_upload->excludes(app.get_option(other));
}

void add_web_options(CLI::App& app, WebOptions& web) {
    app.add_flag("--web{127.0.0.1:9091}", web.where,
                 "Serve a page, streams and the status over HTTP, at 127.0.0.1:9091, or with "
                 "--web=ADDR:PORT elsewhere, which needs a password")
        ->check([](const std::string& text) {
            return parse_web_address(text) ? std::string() : text + " is no address and port";
        });
    app.add_option("--web-password-file", web.password_file,
                   "A file whose first line is the password of the page; chmod 600");
    app.add_option("--web-name", web.names,
                   "A name by which browsers and players reach the page, beside addresses, localhost and "
                   "the host's name (may be given several times)")
        ->allow_extra_args(false);
}

void add_cache_dir_option(CLI::App& app, std::filesystem::path& cache_dir) {
    app.add_option("--cache-dir", cache_dir,
                   "Where verified content is kept (default: $XDG_CACHE_HOME/btfs)");
}

void add_cache_size_options(CLI::App& app, CacheSizeOptions& size) {
    app.add_option_function<std::string>(
           "--cache-size", [&size](const std::string& text) { take_cache_size(text, size); },
           "Most bytes on disk that the cache takes, as 10G, or 25% of its file system, or none for no limit "
           "(default: 10G, or half of what is free, if that is less). What is worth least goes first")
        ->check([](const std::string& text) {
            CacheSizeOptions tried;
            return take_cache_size(text, tried);
        });
    app.add_option(
           "--cache-min-free", size.min_free,
           "Bytes of the file system that the cache leaves free, as 1G, even if it is kept smaller by that")
        ->transform(CLI::AsSizeValue(false))
        ->default_str("1G");
}

}  // namespace btfs::cli
