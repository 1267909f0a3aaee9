#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "cli/commands.hpp"
#include "cli/mount_helper.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/running_mount_commands.hpp"
#include "cli/settings/config_file.hpp"
#include "cli/settings/config_words.hpp"
#include "cli/settings/option_groups.hpp"
#include "cli/text/duration_text.hpp"
#include "cli/text/number_text.hpp"
#include "engine/http/http_url.hpp"

namespace btfs::cli {
namespace {

constexpr const char* kForever = "forever";
constexpr const char* kForPlayer = "--for-player";  // of `btfs mount`, by `btfs play`
const std::map<std::string, WatchMode> kWatchModes{
    {"rename", WatchMode::rename}, {"leave", WatchMode::leave}, {"remove", WatchMode::remove}};

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
        if (!wait.empty())
            settled.wait_s = parse_number(wait).value_or(std::numeric_limits<double>::infinity());
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
            return text == kForever || parse_number(text) ? "" : "give a number of seconds";
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
    add_web_options(mount, options.web);
    mount
        .add_option(
            "--library", options.library,
            "A folder that keeps links to each torrent with a label, as LIBRARY/LABEL/NAME, for programs "
            "that import by links (Sonarr, Radarr) and for media servers")
        ->allow_extra_args(false);
    mount.add_flag("--no-control", options.no_control,
                   "Let no other command ask anything of the running mount, or change it, nor a shell by "
                   "writing to .btfs");
    add_network_options(mount, options.network);
    add_upload_options(mount, options.network.transfer);
    add_download_options(mount, options.network.transfer);
    add_log_options(mount, options.log);
    mount.add_flag(kForPlayer, options.for_player)->group("");  // not in --help
    return mount;
}

/// Removes what the config files say of mounts that stay, for a mount of `btfs play`, which stands beside
/// them.
void drop_options_of_services(std::vector<ConfigFile>& files) {
    constexpr std::string_view kNames[] = {
        "web",     "web-password-file", "web-name", "watch",      "watch-mode",
        "library", "log-file",          "port",     "foreground", "f"};
    for (ConfigFile& file : files)
        std::erase_if(file.entries, [&](const ConfigEntry& entry) {
            return (entry.section.empty() || entry.section == "mount") &&
                   std::ranges::find(kNames, entry.key) != std::end(kNames);
        });
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
    CLI::Option* const json = list.add_flag("--json", options.json, "As JSON");
    list.add_flag("--names", options.names, "Their names alone, or info-hashes without a name, one a line")
        ->excludes(json);
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

/// Returns true if `-o NAME` may stand for `--NAME`.
bool is_mount_option(const CLI::App& mount, std::string_view name) {
    if (name.empty() || name == "help" || "--" + std::string(name) == kForPlayer) return false;
    if (name == "config" || name == "no-config") return true;
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
        if (std::ranges::any_of(arguments,
                                [](const std::string& word) { return word.starts_with("--foreground"); }))
            throw Failure(
                "mount option foreground: mount(8) would wait for the end of the mount; leave it out");
        arguments.insert(arguments.begin(), mount.get_name());
    } else if (words.size() > 1 && words[1] == mount.get_name()) {
        arguments = with_own_options({words.begin() + 2, words.end()}, is_ours);
        arguments.insert(arguments.begin(), mount.get_name());
    } else if (!words.empty()) {
        arguments.assign(words.begin() + 1, words.end());
    }
    return arguments;
}

int usage_error(const char* text) {
    std::fprintf(stderr, "btfs: %s\n", text);
    return kUsage;
}

/// Parses the words and carries their command out. With `config`, only sets it to the arguments with the
/// options of the chosen config files in them; with `arguments_with_config`, takes these in place of the
/// words' own.
int interpret(const std::vector<std::string>& words, ConfigChoice& choice, std::vector<std::string>* config,
              const std::vector<std::string>* arguments_with_config) {
    CLI::App app("btfs: the files of a torrent as a file system, read while they download", "btfs");
    app.set_version_flag("--version", "btfs " BTFS_VERSION);
    app.require_subcommand(1);
    // Both are taken before CLI11 sees them, since they may stand behind the command as well.
    app.add_option("--config")->description("Read options from this file alone")->type_name("FILE");
    app.add_flag("--no-config")->description("Read no config file");
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

    add_running_mount_commands(app, exit_code);
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
    if (config != nullptr) {
        if (!choice.take(arguments)) return usage_error("-o config: give a file");
        const bool for_player = std::ranges::find(arguments, kForPlayer) != arguments.end();
        *config = with_config(app, std::move(arguments), [&] {
            std::vector<ConfigFile> files = choice.load(mount_words.options.for_system);
            if (for_player) drop_options_of_services(files);
            return files;
        });
        return kSuccess;
    }
    arguments = *arguments_with_config;
    std::ranges::reverse(arguments);  // CLI11 takes them in reverse
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? kSuccess : kUsage;
    }
    return exit_code;
}

}  // namespace

int run(const std::vector<std::string>& given) {
    std::vector<std::string> words = given, arguments;
    ConfigChoice choice;
    if (!choice.take(words)) return usage_error("--config: give a file");
    const int problem = interpret(words, choice, &arguments, nullptr);
    return problem == kSuccess ? interpret(words, choice, nullptr, &arguments) : problem;
}

}  // namespace btfs::cli
