#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <exception>
#include <limits>
#include <optional>
#include <string>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"

namespace {

using namespace btfs::cli;

constexpr const char* kForever = "forever";

/// Nothing for what is not a number of seconds.
std::optional<double> seconds_of(const std::string& text) {
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size() || !(seconds >= 0)) return std::nullopt;
    return seconds;
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
    app.add_option("--bind", network.bind,
                   "Interface or address that everything goes over, name look-ups included, or nowhere")
        ->allow_extra_args(false);
    app.add_flag("--no-pex", network.no_pex, "Do not exchange peers with peers");
    app.add_flag("--no-lsd", network.no_lsd, "Do not look for peers in the local network");
    app.add_flag("--no-dht", network.no_dht, "Do not take part in the DHT");
    app.add_option(
           "--dht-bootstrap", network.dht_bootstrap,
           "A DHT node to start from, HOST:PORT, in place of the well-known ones (may be given several "
           "times)")
        ->allow_extra_args(false);
    app.add_flag("--no-portmap", network.no_portmap, "Do not ask the router to let peers in (NAT-PMP, UPnP)");
}

void add_create_options(CLI::App& app, CreateOptions& create) {
    app.add_option("--tracker", create.trackers, "URL of a tracker (may be given several times)")
        ->allow_extra_args(false);
    app.add_option("--piece-size", create.piece_size, "Piece size, as 256K or 1M (default: chosen by size)")
        ->transform(CLI::AsSizeValue(false));
    app.add_flag("--private", create.is_private, "Peers from its trackers alone (BEP 27)");
    app.add_option("--comment", create.comment, "A comment in the torrent");
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("btfs: the files of a torrent as a file system, read while they download");
    app.set_version_flag("--version", "btfs " BTFS_VERSION);
    app.require_subcommand(1);

    int exit_code = kSuccess;

    MountOptions mount_options;
    std::vector<std::string> operands;
    CLI::App& mount_app = *app.add_subcommand("mount", "Mount torrents");
    mount_app
        .add_option(
            "SOURCE... MOUNTPOINT", operands,
            "Torrent files, folders of them, URLs, magnet links, info-hashes, or - for stdin; then where "
            "to mount them")
        ->required()
        ->expected(2, -1);
    mount_app.add_flag("-f,--foreground", mount_options.foreground, "Do not detach");
    mount_app.add_option("-o", mount_options.fuse_options, "Mount options, as allow_other")
        ->allow_extra_args(false)
        ->delimiter(',');
    mount_app.add_option("--cache-dir", mount_options.cache_dir,
                         "Where verified content is kept (default: $XDG_CACHE_HOME/btfs)");
    mount_app.add_flag("--background", mount_options.background, "Fetch what nobody reads, too");
    mount_app
        .add_option("--read-timeout", mount_options.read_timeout_s,
                    "Fail reads that make no progress for so many seconds (default: wait)")
        ->check(CLI::NonNegativeNumber);
    std::string wait;
    mount_app
        .add_flag("--wait{forever}", wait,
                  "Return when all files are visible; with --wait=SECONDS, after so long at most")
        ->check([](const std::string& text) {
            return text == kForever || seconds_of(text) ? "" : "give a number of seconds";
        });
    add_network_options(mount_app, mount_options.network);
    add_log_options(mount_app, mount_options.log);
    mount_app.callback([&] {
        mount_options.mountpoint = operands.back();
        operands.pop_back();
        mount_options.sources = operands;
        if (!wait.empty())
            mount_options.wait_s = seconds_of(wait).value_or(std::numeric_limits<double>::infinity());
        exit_code = mount(mount_options);
    });

    std::filesystem::path mountpoint;
    CLI::App& umount_app = *app.add_subcommand("umount", "Unmount, whatever reads are waiting");
    umount_app.add_option("MOUNTPOINT", mountpoint)->required();
    umount_app.callback([&] { exit_code = umount(mountpoint); });

    InfoOptions info_options;
    CLI::App& info_app = *app.add_subcommand("info", "Show what a torrent holds");
    info_app.add_option("SOURCE", info_options.source, "A torrent file, a URL of one, or - for stdin")
        ->required();
    info_app.add_flag("--json", info_options.json, "As JSON");
    info_app.callback([&] { exit_code = info(info_options); });

    CreateOptions create_options;
    CLI::App& create_app = *app.add_subcommand("create", "Make a torrent of a file or folder");
    create_app.add_option("PATH", create_options.path)->required();
    create_app.add_option("-o,--output", create_options.output, "The torrent file to write")->required();
    add_create_options(create_app, create_options);
    create_app.callback([&] { exit_code = create(create_options); });

    SeedOptions seed_options;
    CLI::App& seed_app =
        *app.add_subcommand("seed", "Make a torrent of a file or folder and seed it from where it lies");
    seed_app.add_option("PATH", seed_options.create.path)->required();
    seed_app.add_option("-o,--output", seed_options.create.output,
                        "The torrent file to write (default: NAME.torrent here)");
    add_create_options(seed_app, seed_options.create);
    add_network_options(seed_app, seed_options.network);
    add_log_options(seed_app, seed_options.log);
    seed_app.callback([&] { exit_code = seed(seed_options); });

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? kSuccess : kUsage;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "btfs: %s\n", e.what());
        return kFailure;
    }
    return exit_code;
}
