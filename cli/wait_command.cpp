// `btfs wait`: waits until files of a mount are complete.
#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "cli/commands.hpp"
#include "cli/control/answer.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_lookup.hpp"
#include "cli/mounted_file.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/terminal_line.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

/// Between two looks; each costs little, and more of many files.
constexpr Duration kLookAgain = 100ms, kLookAtManyAgain = 1s;
constexpr std::size_t kMany = 50;

/// Returns the mount of what the path leads to, or of the folder that it will be in. Throws Failure if there
/// is none.
InMount mount_of(fs::path path) {
    std::error_code error;
    for (path = fs::absolute(path).lexically_normal();
         !fs::exists(path, error) && path != path.parent_path();)
        path = path.parent_path();
    return locate(path);
}

/// Counts the torrents of a mount that will show files, and do not yet. Throws Failure.
std::size_t count_pending(const fs::path& socket) {
    const boost::json::object answer = ask(socket, {{"command", "list"}});
    std::size_t pending = 0;
    for (const boost::json::value& torrent : answer.at("torrents").as_array()) {
        const std::string state = text_in(torrent.as_object(), "state");
        if (state != "ready" && state != "paused" && state != "failed") ++pending;
    }
    return pending;
}

/// The files that are not complete, of those that the path stands for. A mountpoint stands for those of all
/// its torrents, also of those whose files are not known yet.
class Unfinished {
  public:
    /// Throws Failure if the path is in no mount.
    explicit Unfinished(fs::path path) : path_(std::move(path)) {
        InMount mount = mount_of(path_);
        std::error_code error;
        if (mount.path == "/" && fs::exists(path_, error)) mount_ = std::move(mount.socket);
    }

    /// True: none is left.
    bool look() {
        std::error_code error;
        if (!found_) {
            if (!fs::exists(path_, error)) return false;
            pending_ = mount_.empty() ? 0 : count_pending(mount_);
            if (pending_ > 0) return false;
            find();
        }
        std::erase_if(files_, [](const fs::path& file) { return MountedFile(file).is_complete(); });
        return files_.empty();
    }
    bool is_found() const { return found_; }
    std::size_t count() const { return pending_ + files_.size(); }
    std::string text() const {
        const std::string name = one_line(path_.string());
        if (pending_ > 0)
            return name + ": the files of " + std::to_string(pending_) +
                   (pending_ == 1 ? " torrent" : " torrents") + " are not known yet";
        if (!found_) return name + " is not there yet";
        return name + ": " + std::to_string(files_.size()) + (files_.size() == 1 ? " file" : " files") +
               " not complete";
    }

  private:
    void find() {
        found_ = true;
        if (fs::is_regular_file(path_)) files_.push_back(path_);
        if (!fs::is_directory(path_)) return;
        for (const auto& entry : fs::recursive_directory_iterator(path_))
            if (entry.symlink_status().type() == fs::file_type::regular) files_.push_back(entry.path());
    }

    const fs::path path_;
    fs::path mount_;           ///< the control socket of the mount, if the path is its mountpoint
    std::size_t pending_ = 0;  ///< torrents whose files are not known yet
    std::vector<fs::path> files_;
    bool found_ = false;
};

}  // namespace

int wait(const WaitOptions& options) {
    const TimePoint deadline = options.at_most ? Clock::now() + *options.at_most : kNever;
    std::vector<Unfinished> all(options.paths.begin(), options.paths.end());
    TerminalLine line;
    try {
        for (Unfinished& unfinished : all) {
            while (!unfinished.look()) {
                const Duration left = deadline - Clock::now();
                if (left <= Duration{}) {
                    line.wipe();
                    std::cerr << "btfs: " << unfinished.text() << '\n';
                    return kNotAllThere;
                }
                line.show("waiting: " + unfinished.text());
                const Duration pause = unfinished.count() > kMany ? kLookAtManyAgain : kLookAgain;
                std::this_thread::sleep_for(std::min(pause, left));
            }
        }
    } catch (const fs::filesystem_error& failure) {
        throw Failure(failure.path1().string() + ": " + failure.code().message());
    }
    return kSuccess;
}

}  // namespace btfs::cli
