#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "cli/commands.hpp"
#include "cli/mount_helper.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/settings/cache_size.hpp"
#include "cli/text/duration_text.hpp"
#include "cli/text/human_size.hpp"
#include "engine/http/http_url.hpp"

namespace btfs::cli {
namespace {

constexpr const char* kForever = "forever";
constexpr const char* kNoLimit = "none";
const std::map<std::string, Encryption> kEncryptions{{"off", Encryption::off},
                                                     {"allow", Encryption::allow},
                                                     {"prefer", Encryption::prefer},
                                                     {"require", Encryption::require}};
const std::map<std::string, net::Transport> kTransports{
    {"tcp", net::Transport::tcp}, {"utp", net::Transport::utp}, {"both", net::Transport::both}};
const std::map<std::string, WatchMode> kWatchModes{
    {"rename", WatchMode::rename}, {"leave", WatchMode::leave}, {"remove", WatchMode::remove}};
/// Of a limit, in bytes per second.
constexpr double kMaxRate = 1e12;

/// Returns nothing if `text` is not a number, or below 0.
std::optional<double> number_of(const std::string& text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || !(number >= 0)) return std::nullopt;
    return number;
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

/// Adds an option of bytes per second.
CLI::Option* add_rate(CLI::App& app, const char* name, std::optional<std::uint64_t>& rate, const char* text) {
    return app.add_option(name, rate, text)
        ->transform(CLI::AsSizeValue(false))
        ->check([](const std::string& bytes) {  // CLI11 takes a number below 0 for a huge one
            return number_of(bytes).value_or(kMaxRate + 1) <= kMaxRate ? "" : "give a rate, as 500K or 2M";
        });
}

/// Options that bound what is uploaded.
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
            const auto ratio = number_of(text);
            return ratio && *ratio > 0 && std::isfinite(*ratio) ? "" : "give a number above 0, as 1.5";
        });
    app.add_option_function<std::string>(
           "--seed-time", [&transfer](const std::string& text) { transfer.seed_time = parse_duration(text); },
           "Upload no more of a torrent once it has been complete for so long in this run, as 30m or 2h")
        ->check([](const std::string& text) {
            return parse_duration(text) ? "" : "give a time, as 90s, 30m, 2h or 1d";
        });
}

/// Options that bound what is downloaded, or affect it.
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

/// Takes a size as 10G, a percentage as 25%, or "none". Returns what is wrong with it; empty: nothing.
std::string take_cache_size(const std::string& text, CacheSizeOptions& size) {
    if (text == kNoLimit) {
        size.unlimited = true;
        return {};
    }
    if (text.ends_with('%')) {
        size.percent = number_of(text.substr(0, text.size() - 1));
        const bool possible = size.percent && *size.percent > 0 && *size.percent <= 100;
        return possible ? "" : "give a percentage above 0 and up to 100, as 25%";
    }
    std::string bytes = text;
    const std::string error = CLI::AsSizeValue(false)(bytes);
    if (!error.empty() || text.starts_with('-')) return "give a size, as 10G, a percentage, as 25%, or none";
    size.bytes = std::strtoull(bytes.c_str(), nullptr, 10);
    return *size.bytes >= kLeastCacheSize ? "" : "a cache takes at least " + human_size(kLeastCacheSize);
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

void add_create_options(CLI::App& app, CreateOptions& create) {
    app.add_option("--tracker", create.trackers, "URL of a tracker (may be given several times)")
        ->allow_extra_args(false);
    app.add_option("--web-seed", create.web_seeds,
                   "URL of an HTTP server that has the file, or the folder (may be given several times)")
        ->allow_extra_args(false)
        ->check([](const std::string& url) {
            return http::HttpUrl::parse(url) ? std::string() : "is no http or https URL: " + url;
        });
    app.add_option("--piece-size", create.piece_size, "Piece size, as 256K or 1M (default: chosen by size)")
        ->transform(CLI::AsSizeValue(false));
    app.add_flag("--private", create.is_private, "Peers from its trackers alone (BEP 27)");
    app.add_option("--comment", create.comment, "A comment in the torrent");
}

/// Command line of `mount`; the last operand is the mountpoint.
struct MountWords {
    MountOptions options;
    std::vector<std::string> operands;
    std::string wait;  ///< kForever or a number of seconds; empty: no wait

    MountOptions settled() const {
        MountOptions settled = options;
        settled.sources = operands;
        settled.mountpoint = settled.sources.back();
        settled.sources.pop_back();
        if (!wait.empty()) settled.wait_s = number_of(wait).value_or(std::numeric_limits<double>::infinity());
        return settled;
    }
};

/// Names the last operand, which to CLI11 is one more source.
struct MountHelp final : CLI::Formatter {
    std::string make_usage(const CLI::App*, std::string name) const override {
        return "Usage: " + name + " [OPTIONS] [SOURCE...] MOUNTPOINT\n";
    }
};

CLI::App& add_mount(CLI::App& app, MountWords& words) {
    MountOptions& options = words.options;
    CLI::App& mount = *app.add_subcommand("mount", "Mount torrents");
    mount.formatter(std::make_shared<MountHelp>());
    mount
        .add_option("SOURCE", words.operands,
                    "Torrent files, folders of them, URLs, magnet links, info-hashes, or - for stdin; the "
                    "last word is where to mount them. More are added by btfs add")
        ->required()
        ->expected(1, -1);
    mount.add_flag("-f,--foreground", options.foreground, "Do not detach");
    mount
        .add_option("-o", options.fuse_options,
                    "Mount options, as allow_other; also all options below, as cache-dir=DIR or no-dht")
        ->allow_extra_args(false);
    add_cache_dir_option(mount, options.cache_dir);
    mount
        .add_option(
            "--data", options.data,
            "A folder in which another client has saved torrents, complete or in part: what lies there "
            "is read from there, and never written (may be given several times; the first that has "
            "the torrent counts)")
        ->allow_extra_args(false);
    add_cache_size_options(mount, options.cache_size);
    mount.add_flag("--background", options.background, "Fetch what nobody reads, too");
    mount
        .add_option("--read-timeout", options.read_timeout_s,
                    "Fail reads that make no progress for so many seconds (default: wait)")
        ->check(CLI::NonNegativeNumber);
    mount
        .add_flag("--wait{forever}", words.wait,
                  "Return when all files are visible; with --wait=SECONDS, after so long at most")
        ->check([](const std::string& text) {
            return text == kForever || number_of(text) ? "" : "give a number of seconds";
        });
    mount
        .add_option("--watch", options.watch,
                    "A folder: torrent files that are put there, and links in .magnet files, are added as "
                    "btfs add does (may be given several times)")
        ->allow_extra_args(false);
    mount
        .add_option_function<std::string>(
            "--watch-mode",
            [&options](const std::string& text) { options.watch_mode = kWatchModes.at(text); },
            "What becomes of a file that was added: rename (it ends in .added then), leave or remove")
        ->check(CLI::IsMember({"rename", "leave", "remove"}))
        ->default_str("rename");
    mount.add_flag("--no-control", options.no_control,
                   "Let no other command ask anything of the running mount, or change it");
    add_network_options(mount, options.network);
    add_upload_options(mount, options.network.transfer);
    add_download_options(mount, options.network.transfer);
    add_log_options(mount, options.log);
    return mount;
}

void add_mountpoint_option(CLI::App& app, const char* name, std::filesystem::path& mountpoint) {
    app.add_option(name, mountpoint, "The mount (default: the only one that this user has)");
}

CLI::App& add_add(CLI::App& app, AddOptions& options) {
    CLI::App& add = *app.add_subcommand("add", "Add torrents to a running mount, for later mounts, too");
    add.add_option("SOURCE", options.sources,
                   "Torrent files, folders of them, URLs, magnet links, info-hashes, or - for stdin")
        ->required();
    add_mountpoint_option(add, "--to", options.mountpoint);
    add.add_option("--label", options.label, "A word to tell torrents apart by");
    add.add_flag("--pin", options.pin, "Download all files and keep them, as btfs pin does");
    return add;
}

CLI::App& add_remove(CLI::App& app, RemoveOptions& options) {
    CLI::App& remove = *app.add_subcommand(
        "rm", "Remove torrents from a running mount. What was downloaded stays in the cache");
    remove.add_option("TORRENT", options.torrents, "Names in the mount, paths to them, or info-hashes")
        ->required();
    add_mountpoint_option(remove, "--from", options.mountpoint);
    return remove;
}

CLI::App& add_list(CLI::App& app, ListOptions& options) {
    CLI::App& list = *app.add_subcommand("ls", "List the torrents of a running mount");
    add_mountpoint_option(list, "MOUNTPOINT", options.mountpoint);
    list.add_flag("--json", options.json, "As JSON");
    return list;
}

CLI::App& add_status(CLI::App& app, StatusOptions& options) {
    CLI::App& status =
        *app.add_subcommand("status", "Show what a running mount does: readers, torrents, peers");
    add_mountpoint_option(status, "MOUNTPOINT", options.mountpoint);
    status.add_flag("--json", options.json, "As JSON");
    return status;
}

void add_fetching(CLI::App& app, FetchOptions& options, int& exit_code) {
    const auto add = [&](const char* name, const char* description, Fetching fetching) {
        CLI::App& command = *app.add_subcommand(name, description);
        command.add_option("PATH", options.paths, "Files or folders in a mount")->required();
        command.callback([&options, &exit_code, fetching] {
            options.fetching = fetching;
            exit_code = fetch(options);
        });
    };
    add("pin", "Download files and keep them in the cache, also over later mounts", Fetching::pinned);
    add("unpin", "Let go of files that were pinned", Fetching::unpinned);
    add("prefetch", "Download files before they are read", Fetching::once);
}

CLI::App& add_wait(CLI::App& app, WaitOptions& options) {
    CLI::App& wait = *app.add_subcommand("wait", "Wait until files of a mount are complete, or there at all");
    wait.add_option("PATH", options.paths, "Files or folders in a mount")->required();
    wait.add_option_function<std::string>(
            "--timeout", [&options](const std::string& text) { options.at_most = parse_duration(text); },
            "For so long at most, as 30s or 2h")
        ->check([](const std::string& text) {
            return parse_duration(text) ? "" : "give a time, as 90s, 30m, 2h or 1d";
        });
    return wait;
}

CLI::App& add_play(CLI::App& app, PlayOptions& options) {
    CLI::App& play = *app.add_subcommand("play", "Mount a torrent, play a film of it, and unmount");
    play.add_option("SOURCE", options.source, "A torrent file, a URL, a magnet link or an info-hash")
        ->required();
    play.add_option("FILE", options.file, "The file to play: its path, its name, or a part of it");
    play.add_option("--player", options.player,
                    "The player, as a shell has it (default: $BTFS_PLAYER, else mpv, VLC or xdg-open)");
    play.add_option("-o", options.mount_options, "Options of btfs mount, as cache-dir=DIR or no-dht")
        ->allow_extra_args(false);
    return play;
}

CLI::App& add_info(CLI::App& app, InfoOptions& options) {
    CLI::App& info = *app.add_subcommand("info", "Show what a torrent holds");
    info.add_option("SOURCE", options.source, "A torrent file, a URL of one, or - for stdin")->required();
    info.add_flag("--json", options.json, "As JSON");
    return info;
}

CLI::App& add_create(CLI::App& app, CreateOptions& options) {
    CLI::App& create = *app.add_subcommand(
        "create",
        "Make a torrent of a file or folder. Symlinks, pipes, devices and empty folders have no place in a "
        "torrent; they are left out and named");
    create.add_option("PATH", options.path)->required();
    create.add_option("-o,--output", options.output, "The torrent file to write")->required();
    add_create_options(create, options);
    return create;
}

CLI::App& add_seed(CLI::App& app, SeedOptions& options) {
    CLI::App& seed =
        *app.add_subcommand("seed", "Make a torrent of a file or folder and seed it from where it lies");
    seed.add_option("PATH", options.create.path)->required();
    seed.add_option("-o,--output", options.create.output,
                    "The torrent file to write (default: NAME.torrent here)");
    add_create_options(seed, options.create);
    seed.add_flag("--super", options.super_seed,
                  "For the first seed of a torrent: offer each peer a few pieces at a time, and more as it "
                  "passes them on, so that a first copy costs little more upload than its size (BEP 16)");
    add_network_options(seed, options.network);
    add_upload_options(seed, options.network.transfer);
    add_log_options(seed, options.log);
    return seed;
}

void add_torrent_operands(CLI::App& app, std::vector<std::string>& torrents) {
    app.add_option("TORRENT", torrents,
                   "Names, info-hashes, or the first eight or more digits of one (default: all torrents)");
}

CLI::App& add_prune(CLI::App& cache, CacheOptions& options) {
    CLI::App& prune =
        *cache.add_subcommand("prune", "Remove torrents that nobody uses, the least recently used first");
    add_cache_dir_option(prune, options.cache_dir);
    prune
        .add_option("--to", options.prune_to, "Until the cache takes no more bytes on disk than this, as 10G")
        ->transform(CLI::AsSizeValue(false));
    prune
        .add_option_function<std::string>(
            "--older-than",
            [&options](const std::string& text) { options.older_than = parse_duration(text); },
            "Those that were not used for so long, as 12h or 30d")
        ->check([](const std::string& text) {
            return parse_duration(text) ? "" : "give a time, as 90s, 30m, 12h or 30d";
        });
    prune.require_option(1, 0);
    return prune;
}

/// Adds `btfs cache` and its commands.
void add_cache(CLI::App& app, CacheOptions& options, int& exit_code) {
    CLI::App& cache = *app.add_subcommand("cache", "Look at what the cache holds, and make room");
    cache.require_subcommand(1);
    CLI::App& list = *cache.add_subcommand("list", "List the torrents in the cache");
    add_cache_dir_option(list, options.cache_dir);
    list.add_flag("--json", options.json, "As JSON");
    list.callback([&] { exit_code = cache_list(options); });
    CLI::App& verify = *cache.add_subcommand(
        "verify", "Hash all content that nobody uses. What is damaged will be fetched again");
    add_cache_dir_option(verify, options.cache_dir);
    add_torrent_operands(verify, options.torrents);
    verify.callback([&] { exit_code = cache_verify(options); });
    add_prune(cache, options).callback([&] { exit_code = cache_prune(options); });
    CLI::App& clear = *cache.add_subcommand("clear", "Remove torrents that nobody uses");
    add_cache_dir_option(clear, options.cache_dir);
    add_torrent_operands(clear, options.torrents);
    clear.callback([&] { exit_code = cache_clear(options); });
}

CLI::App& add_export(CLI::App& app, ExportOptions& options) {
    CLI::App& out = *app.add_subcommand("export", "Copy a file or folder that is complete out of a mount");
    out.add_option("PATH", options.path, "The file or folder in the mount")->required();
    out.add_option("DEST", options.destination, "The copy, or a folder that takes it")->required();
    out.add_flag("--force", options.force, "Replace files that are there");
    out.add_flag("--wait", options.wait, "Download what is missing first");
    add_cache_dir_option(out, options.cache_dir);
    return out;
}

/// Returns true if `-o NAME` may stand for `--NAME`. `help` and `foreground` make no sense in fstab.
bool is_mount_option(const CLI::App& mount, std::string_view name) {
    if (name.empty() || name == "help" || name == "foreground") return false;
    return mount.get_option_no_throw("--" + std::string(name)) != nullptr;
}

/// Returns the arguments for CLI11: without the program's name, and with those of mount(8) translated to
/// ours.
std::vector<std::string> settle_arguments(const std::vector<std::string>& words, const CLI::App& app,
                                          const CLI::App& mount, MountOptions& options, bool& only_pretend) {
    const auto is_command = [&](std::string_view word) {
        const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
        return std::ranges::any_of(commands,
                                   [&](const CLI::App* command) { return command->get_name() == word; });
    };
    const auto is_ours = [&](std::string_view name) { return is_mount_option(mount, name); };
    std::vector<std::string> arguments;
    if (const auto call = mount_helper_call(words, is_command)) {
        options.for_system = true;
        only_pretend = call->only_pretend;
        arguments = with_own_options(call->words, is_ours);
        arguments.insert(arguments.begin(), mount.get_name());
    } else if (words.size() > 1 && words[1] == mount.get_name()) {
        arguments = with_own_options({words.begin() + 2, words.end()}, is_ours);
        arguments.insert(arguments.begin(), mount.get_name());
    } else if (!words.empty()) {
        arguments.assign(words.begin() + 1, words.end());
    }
    return arguments;
}

}  // namespace

int run(const std::vector<std::string>& words) {
    CLI::App app("btfs: the files of a torrent as a file system, read while they download", "btfs");
    app.set_version_flag("--version", "btfs " BTFS_VERSION);
    app.require_subcommand(1);
    int exit_code = kSuccess;
    bool only_pretend = false;

    MountWords mount_words;
    CLI::App& mount_app = add_mount(app, mount_words);
    mount_app.callback([&] {
        if (!only_pretend) exit_code = mount(mount_words.settled());
    });

    std::filesystem::path mountpoint;
    CLI::App& umount_app = *app.add_subcommand("umount", "Unmount, whatever reads are waiting");
    umount_app.add_option("MOUNTPOINT", mountpoint)->required();
    umount_app.callback([&] { exit_code = umount(mountpoint); });

    AddOptions add_options;
    add_add(app, add_options).callback([&] { exit_code = add(add_options); });
    RemoveOptions remove_options;
    add_remove(app, remove_options).callback([&] { exit_code = remove(remove_options); });
    ListOptions list_options;
    add_list(app, list_options).callback([&] { exit_code = list(list_options); });
    StatusOptions status_options;
    add_status(app, status_options).callback([&] { exit_code = status(status_options); });
    FetchOptions fetch_options;
    add_fetching(app, fetch_options, exit_code);
    WaitOptions wait_options;
    add_wait(app, wait_options).callback([&] { exit_code = wait(wait_options); });
    PlayOptions play_options;
    add_play(app, play_options).callback([&] { exit_code = play(play_options); });
    InfoOptions info_options;
    add_info(app, info_options).callback([&] { exit_code = info(info_options); });
    CreateOptions create_options;
    add_create(app, create_options).callback([&] { exit_code = create(create_options); });
    SeedOptions seed_options;
    add_seed(app, seed_options).callback([&] { exit_code = seed(seed_options); });

    CacheOptions cache_options;
    add_cache(app, cache_options, exit_code);
    ExportOptions export_options;
    add_export(app, export_options).callback([&] { exit_code = export_path(export_options); });

    std::vector<std::string> arguments =
        settle_arguments(words, app, mount_app, mount_words.options, only_pretend);
    std::ranges::reverse(arguments);  // CLI11 takes them in reverse
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? kSuccess : kUsage;
    }
    return exit_code;
}

}  // namespace btfs::cli
