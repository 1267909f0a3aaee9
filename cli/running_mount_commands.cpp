#include "cli/running_mount_commands.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "cli/settings/option_groups.hpp"
#include "cli/text/duration_text.hpp"
#include "cli/text/number_text.hpp"

namespace btfs::cli {
namespace {

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
        "rm",
        "Remove torrents from a running mount. What was downloaded stays in the cache unless --delete-data "
        "is given");
    remove.add_option("TORRENT", options.torrents, "Names in the mount, paths to them, or info-hashes")
        ->required();
    add_mountpoint_option(remove, "--from", options.mountpoint);
    remove.add_flag("--delete-data", options.delete_data,
                    "Remove what the cache has of them, too; what another client has saved stays");
    return remove;
}

constexpr const char* kOfMount = "default";

/// Adds an option that takes `default`, or what `parse` takes. The option fails with `rule` for anything
/// else.
template <class Number, class Parse>
void add_limit(CLI::App& app, const char* name, NewLimit<Number>& limit, Parse parse, const char* text,
               const char* rule) {
    app.add_option_function<std::string>(
           name,
           [&limit, parse](const std::string& word) {
               limit.emplace(word == kOfMount ? std::optional<Number>() : parse(word));
           },
           text)
        ->check([parse, rule](const std::string& word) {
            return word == kOfMount || parse(word) ? std::string() : std::string(rule);
        });
}

CLI::App& add_set(CLI::App& app, SetOptions& options) {
    CLI::App& set = *app.add_subcommand(
        "set", "Set labels and limits of torrents in a running mount, for later mounts, too");
    set.add_option("TORRENT", options.torrents, "Names in the mount, paths to them, or info-hashes")
        ->required();
    add_mountpoint_option(set, "--of", options.mountpoint);
    set.add_option("--label", options.labels,
                   "A label in place of those that it has; an empty word for none (may be given several "
                   "times)")
        ->allow_extra_args(false);
    const auto rate_from = [](double least) {
        return [least](const std::string& word) -> std::optional<std::uint64_t> {
            const auto rate = parse_rate(word);
            return rate && static_cast<double>(*rate) >= least ? rate : std::nullopt;
        };
    };
    add_limit(set, "--download-limit", options.download_limit, rate_from(1),
              "Most bytes of content per second to download of it, as 500K or 2M; default: no limit but "
              "the mount's",
              "give a rate above 0, as 500K or 2M, or default");
    add_limit(set, "--upload-limit", options.upload_limit, rate_from(0),
              "Most bytes of content per second to upload of it (0: nothing); default: no limit but the "
              "mount's",
              "give a rate, as 500K or 2M, or default");
    add_limit(
        set, "--max-peers", options.max_peers,
        [](const std::string& word) -> std::optional<std::uint64_t> {
            const auto peers = parse_number(word);
            if (!peers || *peers < 1 || *peers > 2000 || *peers != std::floor(*peers)) return std::nullopt;
            return static_cast<std::uint64_t>(*peers);
        },
        "Most connections for it, 1 to 2000; default: as many as the mount gives each torrent",
        "give a number from 1 to 2000, or default");
    add_limit(
        set, "--seed-ratio", options.seed_ratio,
        [](const std::string& word) -> std::optional<double> {
            if (word == "none") return std::numeric_limits<double>::infinity();
            const auto ratio = parse_number(word);
            return ratio && *ratio > 0 && std::isfinite(*ratio) ? ratio : std::nullopt;
        },
        "Upload no more of it once so many bytes were uploaded for each byte downloaded; none: whatever the "
        "ratio is; default: as the mount's options say",
        "give a number above 0, as 1.5, or none, or default");
    return set;
}

void add_pausing(CLI::App& app, int& exit_code) {
    const auto add_one = [&](const char* name, const char* description, bool paused) {
        const auto options = std::make_shared<PauseOptions>();
        options->paused = paused;
        CLI::App& command = *app.add_subcommand(name, description);
        command
            .add_option("TORRENT", options->torrents,
                        "Names in the mount, paths to them, info-hashes, or a mountpoint for all")
            ->required();
        add_mountpoint_option(command, "--of", options->mountpoint);
        command.callback([options, &exit_code] { exit_code = pause(*options); });
    };
    add_one("pause",
            "Have torrents neither downloaded nor uploaded, over later mounts, too. What is in the cache can "
            "be read; a read of anything else waits",
            true);
    add_one("resume", "Let torrents that were paused go on", false);
}

CLI::App& add_list(CLI::App& app, ListOptions& options) {
    CLI::App& list = *app.add_subcommand("ls", "List the torrents of a running mount");
    add_mountpoint_option(list, "MOUNTPOINT", options.mountpoint);
    CLI::Option* const json = list.add_flag("--json", options.json, "As JSON");
    list.add_flag("--names", options.names, "Their names alone, one a line")->excludes(json);
    return list;
}

CLI::App& add_status(CLI::App& app, StatusOptions& options) {
    CLI::App& status = *app.add_subcommand(
        "status", "Show what a running mount does: readers, torrents, peers; live on a terminal");
    status.alias("top");
    add_mountpoint_option(status, "MOUNTPOINT", options.mountpoint);
    status.add_flag("--json", options.json, "As JSON, once");
    status.add_flag("--once", options.once, "As plain text, once, also on a terminal");
    status
        .add_option("--interval", options.interval_s, "The view is brought up to date so often, in seconds")
        ->check(CLI::Range(0.1, 3600.0));
    return status;
}

void add_fetching(CLI::App& app, int& exit_code) {
    const auto add_one = [&](const char* name, const char* description, Fetching fetching) {
        const auto options = std::make_shared<FetchOptions>();
        options->fetching = fetching;
        CLI::App& command = *app.add_subcommand(name, description);
        command.add_option("PATH", options->paths, "Files or folders in a mount")->required();
        command.callback([options, &exit_code] { exit_code = fetch(*options); });
    };
    add_one("pin", "Download files and keep them in the cache, also over later mounts", Fetching::pinned);
    add_one("unpin", "Let go of files that were pinned", Fetching::unpinned);
    add_one("prefetch", "Download files before they are read", Fetching::once);
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

/// Has `carry_out(options)` called when the command is given that `add` adds.
template <class Options, class Add, class CarryOut>
void add_command(CLI::App& app, int& exit_code, Add add, CarryOut carry_out) {
    const auto options = std::make_shared<Options>();
    add(app, *options).callback([options, &exit_code, carry_out] { exit_code = carry_out(*options); });
}

}  // namespace

void add_running_mount_commands(CLI::App& app, int& exit_code) {
    add_command<AddOptions>(app, exit_code, add_add, add);
    add_command<RemoveOptions>(app, exit_code, add_remove, remove);
    add_command<SetOptions>(app, exit_code, add_set, set);
    add_pausing(app, exit_code);
    add_command<ListOptions>(app, exit_code, add_list, list);
    add_command<StatusOptions>(app, exit_code, add_status, status);
    add_fetching(app, exit_code);
    add_command<WaitOptions>(app, exit_code, add_wait, wait);
}

}  // namespace btfs::cli
