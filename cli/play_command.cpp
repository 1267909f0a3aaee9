// `btfs play`: mounts a torrent, plays a file of it, and unmounts.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_record.hpp"
#include "cli/film_choice.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/text/human_size.hpp"
#include "cli/text/one_line.hpp"
#include "fs/mountpoint.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "play-";
constexpr const char* kDesktop = "xdg-open";

// ---- the mount ----

/// Removes what `btfs play` processes have left that were killed.
void clean_up(const fs::path& folder) {
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        const std::string name = at->path().filename().string();
        if (!name.starts_with(kPrefix)) continue;
        pid_t owner = 0;
        std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), owner);
        if (owner <= 0 || kill(owner, 0) == 0 || errno != ESRCH) continue;
        try {
            if (find_mount(at->path())) umount(at->path());
        } catch (const Failure& failure) {
            std::cerr << "btfs: " << failure.what() << '\n';
        }
        rmdir(at->path().c_str());
    }
}

/// A mountpoint of its own, from its mount to its end.
class PlayedMount {
  public:
    PlayedMount() : path_(control_folder() / (std::string(kPrefix) + std::to_string(getpid()))) {
        std::error_code error;
        fs::create_directories(path_, error);
        if (error) throw Failure(path_.string() + ": " + error.message());
        fs::permissions(control_folder(), fs::perms::owner_all, error);
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

    std::vector<PlayableFile> files() const {
        std::vector<PlayableFile> files;
        for (const auto& entry : fs::recursive_directory_iterator(path_))
            if (entry.symlink_status().type() == fs::file_type::regular)
                files.push_back({entry.path().lexically_relative(path_).string(), entry.file_size()});
        return files;
    }

  private:
    const fs::path path_;
};

// ---- processes ----

/// Signals that end a program; blocked while this lives, for our own threads.
class SignalsTaken {
  public:
    SignalsTaken() {
        sigemptyset(&taken_);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&taken_, signal);
        pthread_sigmask(SIG_BLOCK, &taken_, &before_);
    }
    ~SignalsTaken() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsTaken(const SignalsTaken&) = delete;
    SignalsTaken& operator=(const SignalsTaken&) = delete;

    const sigset_t& before() const { return before_; }
    int next() const {
        int signal = 0;
        sigwait(&taken_, &signal);
        return signal;
    }

  private:
    sigset_t taken_{}, before_{};
};

/// Throws Failure if the program cannot be started.
pid_t start(const std::string& program, const std::vector<std::string>& words, const SignalsTaken& signals) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &signals.before());
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    pid_t child = 0;
    const int error = posix_spawnp(&child, program.c_str(), nullptr, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) throw Failure(words.front() + ": cannot be started: " + std::strerror(error));
    return child;
}

/// Waits for the program, to which signals are passed on, and returns its status. One that a terminal sends
/// to us the program has got as well.
int wait_for(pid_t child, const SignalsTaken& signals, bool& interrupted) {
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        const int signal = signals.next();
        if (signal == SIGCHLD) continue;
        interrupted = true;
        if (signal != SIGINT || isatty(STDIN_FILENO) == 0) kill(child, signal);
    }
    return status;
}

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
std::string player_of(const PlayOptions& options) {
    if (!options.player.empty()) return options.player;
    if (const char* chosen = std::getenv("BTFS_PLAYER"); chosen != nullptr && *chosen != '\0') return chosen;
    for (const char* program : {"mpv", "vlc", kDesktop})
        if (is_installed(program)) return program;
    throw Failure("no player is installed; install mpv, or name one with --player");
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

}  // namespace

int play(const PlayOptions& options) {
    const std::string player = player_of(options);
    clean_up(control_folder());
    const PlayedMount mount;
    const SignalsTaken signals;
    bool interrupted = false;

    std::vector<std::string> words{"btfs", "mount", "--wait"};
    for (const std::string& option : options.mount_options) words.insert(words.end(), {"-o", option});
    words.insert(words.end(), {"--", options.source, mount.path().string()});
    const int mounted = wait_for(start("/proc/self/exe", words, signals), signals, interrupted);
    if (interrupted) return kFailure;
    if (!WIFEXITED(mounted) || WEXITSTATUS(mounted) != 0)
        return WIFEXITED(mounted) ? WEXITSTATUS(mounted) : kFailure;  // it has told why

    const PlayableFile file = choose(mount.files(), options.file);
    std::cerr << "playing " << one_line(file.path) << ", " << human_size(file.size) << '\n';
    // The shell takes the player's own options apart.
    const int played =
        wait_for(start("/bin/sh", {"sh", "-c", player + " \"$@\"", "sh", (mount.path() / file.path).string()},
                       signals),
                 signals, interrupted);
    if (player == kDesktop && !interrupted && WIFEXITED(played) && WEXITSTATUS(played) == 0) {
        std::cerr << "the desktop's player has it; Ctrl-C ends the mount\n";
        while (signals.next() == SIGCHLD) {
        }
        return kSuccess;
    }
    if (interrupted || (WIFEXITED(played) && WEXITSTATUS(played) == 0)) return kSuccess;
    throw Failure(player + (WIFSIGNALED(played)
                                ? ": was ended by " + std::string(strsignal(WTERMSIG(played)))
                                : ": failed with exit code " + std::to_string(WEXITSTATUS(played))));
}

}  // namespace btfs::cli
