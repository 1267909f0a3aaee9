#include "cli/running_mount_commands.hpp"

#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "cli/text/duration_text.hpp"

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
        "rm", "Remove torrents from a running mount. What was downloaded stays in the cache");
    remove.add_option("TORRENT", options.torrents, "Names in the mount, paths to them, or info-hashes")
        ->required();
    add_mountpoint_option(remove, "--from", options.mountpoint);
    return remove;
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
    list.add_flag("--json", options.json, "As JSON");
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
    add_pausing(app, exit_code);
    add_command<ListOptions>(app, exit_code, add_list, list);
    add_command<StatusOptions>(app, exit_code, add_status, status);
    add_fetching(app, exit_code);
    add_command<WaitOptions>(app, exit_code, add_wait, wait);
}

}  // namespace btfs::cli
