// `btfs play`: mounts a torrent, plays a file of it, and unmounts.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_lookup.hpp"
#include "cli/control/mount_record.hpp"
#include "cli/film_choice.hpp"
#include "cli/first_bytes.hpp"
#include "cli/process/child_program.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/running_torrent.hpp"
#include "cli/sources/sources.hpp"
#include "cli/sources/torrent_url.hpp"
#include "cli/text/human_size.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/terminal_line.hpp"
#include "engine/metainfo/magnet.hpp"
#include "fs/mountpoint.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

const std::string kPrefix = "play-";
constexpr const char* kDesktop = "xdg-open";
constexpr Duration kLookAtMountAgain = 100ms;

// ---- the mount ----

/// Makes the folder in which mounts of `btfs play` have their mountpoints. Throws Failure if others could put
/// something else there.
fs::path make_places() {
    fs::path folder = control_folder();
    const Error error = make_private_folder(folder);
    if (error == Error(EACCES, boost::system::system_category()))
        throw Failure(
            folder.string() +
            ": is another user's, or others may enter it; set XDG_RUNTIME_DIR to a folder of your own");
    if (error) throw Failure(folder.string(), error);
    return folder;
}

/// Removes what `btfs play` processes have left that were killed.
void clean_up(const fs::path& folder) {
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        const std::string name = at->path().filename().string();
        if (!name.starts_with(kPrefix)) continue;
        pid_t owner = 0;
        std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), owner);
        const bool is_gone = owner == getpid() || (kill(owner, 0) != 0 && errno == ESRCH);
        if (owner <= 0 || !is_gone) continue;
        try {
            if (find_mount(at->path())) umount(at->path());
        } catch (const Failure& failure) {
            std::cerr << "btfs: " << failure.what() << '\n';
        }
        rmdir(at->path().c_str());
    }
}

/// Returns the regular files at or below a path of a mount, which they are named from.
std::vector<PlayableFile> files_at(const fs::path& mountpoint, const fs::path& path) {
    std::vector<PlayableFile> files;
    const auto take = [&](const fs::directory_entry& entry) {
        if (entry.symlink_status().type() == fs::file_type::regular)
            files.push_back({entry.path().lexically_relative(mountpoint).string(), entry.file_size()});
    };
    if (!fs::is_directory(path))
        take(fs::directory_entry(path));
    else
        for (const auto& entry : fs::recursive_directory_iterator(path)) take(entry);
    return files;
}

/// A mountpoint of its own, from its making to its end.
class PlayedMount {
  public:
    explicit PlayedMount(const fs::path& folder) : path_(folder / (kPrefix + std::to_string(getpid()))) {
        if (mkdir(path_.c_str(), 0700) != 0) throw Failure(path_.string() + ": " + std::strerror(errno));
    }
    ~PlayedMount() {
        try {
            if (find_mount(path_)) umount(path_);
        } catch (const Failure& failure) {
            std::cerr << "btfs: " << failure.what() << '\n';
        }
        rmdir(path_.c_str());
    }
    PlayedMount(const PlayedMount&) = delete;
    PlayedMount& operator=(const PlayedMount&) = delete;

    const fs::path& path() const { return path_; }

  private:
    const fs::path path_;
};

// ---- where the torrent is ----

/// Files of a mount, one of which is played.
struct Playable {
    fs::path mountpoint;
    std::vector<PlayableFile> files;
    std::optional<fs::path> socket;  ///< at which the mount can be asked
};

/// Returns the info-hash or the URL by which a mount knows the source; nothing for one whose torrent is not
/// known yet. Throws Failure if it cannot be read.
std::optional<std::string> key_of(const std::string& source) {
    if (source == "-") return std::nullopt;  // the mount reads it
    if (looks_like_url(source)) return source;
    std::error_code ignored;
    if (!looks_like_magnet(source) && fs::is_directory(source, ignored)) return std::nullopt;
    const auto parsed = parse_source(content_of(settle_words({source}).front()));
    if (!parsed || parsed->identity.empty()) return std::nullopt;
    return parsed->identity.cache_key();
}

/// Waits until the torrent's files are in its mount. Nothing: a signal came.
std::optional<Playable> wait_for_files_of(RunningTorrent torrent, const SignalsTaken& signals) {
    const std::string where = torrent.mount.mountpoint.string();
    std::cerr << "btfs: the mount at " << where << " has it, and goes on behind the player\n";
    TerminalLine line;
    while (!torrent.is_shown) {
        if (torrent.state == "paused")
            throw Failure(one_line(torrent.name) + ": is paused at " + where +
                          "; let it go on with: btfs resume " + torrent.key);
        line.show("waiting: " + one_line(torrent.state));
        const int signal = signals.next(kLookAtMountAgain);
        if (signal != 0 && signal != SIGCHLD) return std::nullopt;
        auto now = look_again(torrent);
        if (!now) throw Failure(one_line(torrent.name) + ": has gone from the mount at " + where);
        torrent = std::move(*now);
    }
    return Playable{torrent.mount.mountpoint, files_at(torrent.mount.mountpoint, torrent.path()),
                    torrent.socket};
}

/// Starts `btfs mount` and waits until its files are there. Returns its exit code; nothing: a signal came.
std::optional<int> mount_at(const fs::path& mountpoint, const PlayOptions& options,
                            const SignalsTaken& signals) {
    std::vector<std::string> words{"btfs", "mount", "--wait", "--for-player"};
    for (const std::string& option : options.mount_options) words.insert(words.end(), {"-o", option});
    words.insert(words.end(), {"--", options.source, mountpoint.string()});
    bool interrupted = false;
    const int status =
        wait_for_program(start_program("/proc/self/exe", words, signals), signals, interrupted);
    if (interrupted) return std::nullopt;
    return WIFEXITED(status) ? WEXITSTATUS(status) : kFailure;
}

// ---- the player ----

bool is_installed(const std::string& program) {
    const char* const path = std::getenv("PATH");
    std::string folders = path != nullptr ? path : "/usr/bin:/bin";
    for (std::size_t at = 0; at <= folders.size();) {
        const std::size_t end = std::min(folders.find(':', at), folders.size());
        if (access((folders.substr(at, end - at) + '/' + program).c_str(), X_OK) == 0) return true;
        at = end + 1;
    }
    return false;
}

/// The player as the shell has it: as the user says, else the first that is installed.
std::string chosen_player(const PlayOptions& options) {
    if (!options.player.empty()) return options.player;
    if (const char* chosen = std::getenv("BTFS_PLAYER"); chosen != nullptr && *chosen != '\0') return chosen;
    for (const char* program : {"mpv", "vlc", kDesktop})
        if (is_installed(program)) return program;
    throw Failure("no player is installed; install mpv, or name one with --player");
}

std::string player_of(const PlayOptions& options) {
    std::string player = chosen_player(options);
    const auto is_set = [](const char* variable) {
        const char* const value = std::getenv(variable);
        return value != nullptr && *value != '\0';
    };
    if (player == kDesktop && !is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY"))
        throw Failure(
            "xdg-open: there is no display, neither DISPLAY nor WAYLAND_DISPLAY is set; install mpv, or "
            "name a player with --player");
    return player;
}

// ---- the file ----

std::string list_of(const std::vector<PlayableFile>& files) {
    std::string text;
    for (std::size_t i = 0; i < files.size(); ++i)
        text += "  " + std::to_string(i + 1) + "  " + one_line(files[i].path) + "  " +
                human_size(files[i].size) + '\n';
    return text;
}

PlayableFile ask_which(const std::vector<PlayableFile>& files) {
    for (;;) {
        std::cerr << list_of(files) << "Play which one? [1] " << std::flush;
        std::string answer;
        if (!std::getline(std::cin, answer)) throw Failure("no file was chosen");
        if (answer.empty()) return files.front();
        std::size_t number = 0;
        std::from_chars(answer.data(), answer.data() + answer.size(), number);
        if (number >= 1 && number <= files.size()) return files[number - 1];
    }
}

PlayableFile choose(const std::vector<PlayableFile>& all, const std::string& name) {
    const std::vector<PlayableFile> files = name.empty() ? playable(all) : named(all, name);
    if (files.empty())
        throw Failure(name.empty() ? "the torrent has no file" : one_line(name) + ": no file is named so");
    if (files.size() == 1) return files.front();
    if (isatty(STDIN_FILENO) != 0) return ask_which(files);
    std::cerr << list_of(files);
    throw Failure("the torrent has several files to play; name one of them");
}

/// Runs the player to its end. Returns the exit code; throws Failure if it fails.
int run_player(const std::string& player, const Playable& playable, const PlayableFile& file,
               bool mount_is_ours, const SignalsTaken& signals) {
    FirstBytes first_bytes(playable.socket, file.path);
    bool interrupted = false;
    // The shell takes the player's own options apart.
    const pid_t child = start_program(
        "/bin/sh", {"sh", "-c", player + " \"$@\"", "sh", (playable.mountpoint / file.path).string()},
        signals);
    const int played = wait_for_program(child, signals, interrupted, [&] { return first_bytes.look(); });
    const bool well = WIFEXITED(played) && WEXITSTATUS(played) == 0;
    if (player == kDesktop && !interrupted && well && mount_is_ours) {
        std::cerr << "the desktop's player has it; Ctrl-C ends the mount\n";
        for (int signal = 0; signal == 0 || signal == SIGCHLD;) signal = signals.next(first_bytes.look());
        return kSuccess;
    }
    if (interrupted || well) return kSuccess;
    throw Failure(player + (WIFSIGNALED(played)
                                ? ": was ended by " + std::string(strsignal(WTERMSIG(played)))
                                : ": failed with exit code " + std::to_string(WEXITSTATUS(played))));
}

}  // namespace

int play(const PlayOptions& options) {
    unsetenv("NOTIFY_SOCKET");  // neither mount nor player is the service
    const std::string player = player_of(options);
    const fs::path places = make_places();
    clean_up(places);
    std::optional<PlayedMount> own;
    const SignalsTaken signals;
    std::optional<Playable> playable;

    const auto key = key_of(options.source);
    auto running = key ? find_running(*key) : std::nullopt;
    if (!running) {
        own.emplace(places);
        const auto mounted = mount_at(own->path(), options, signals);
        if (!mounted) return kFailure;
        if (*mounted == kSuccess) {
            const auto mount = find_mount(own->path());
            playable = {own->path(), files_at(own->path(), own->path()),
                        mount ? find_socket(*mount) : std::nullopt};
        } else {
            // `btfs mount` has told why. The torrent of a URL may have turned out to be in another mount.
            const auto info_hash = only_info_hash(own->path());
            if (info_hash) running = find_running(*info_hash, own->path());
            if (!running) return *mounted;
            own.reset();
        }
    }
    if (running) playable = wait_for_files_of(std::move(*running), signals);
    if (!playable) return kFailure;
    const PlayableFile file = choose(playable->files, options.file);
    std::cerr << "playing " << one_line(file.path) << ", " << human_size(file.size) << '\n';
    return run_player(player, *playable, file, own.has_value(), signals);
}

}  // namespace btfs::cli
