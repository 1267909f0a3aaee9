// `btfs wait`: waits until files of a mount are complete.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "cli/commands.hpp"
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

/// Throws Failure if what the path leads to, or the folder that it will be in, is in no mount.
void require_mount(fs::path path) {
    std::error_code error;
    for (path = fs::absolute(path).lexically_normal();
         !fs::exists(path, error) && path != path.parent_path();)
        path = path.parent_path();
    locate(path);
}

/// The files that are not complete, of those that the path stands for.
class Unfinished {
  public:
    explicit Unfinished(fs::path path) : path_(std::move(path)) {}

    /// True: none is left.
    bool look() {
        std::error_code error;
        if (!found_) {
            if (!fs::exists(path_, error)) return false;
            find();
        }
        std::erase_if(files_, [](const fs::path& file) { return MountedFile(file).is_complete(); });
        return files_.empty();
    }
    bool is_found() const { return found_; }
    std::size_t count() const { return files_.size(); }
    std::string text() const {
        const std::string name = one_line(path_.string());
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
    std::vector<fs::path> files_;
    bool found_ = false;
};

}  // namespace

int wait(const WaitOptions& options) {
    const TimePoint deadline = options.at_most ? Clock::now() + *options.at_most : kNever;
    for (const fs::path& path : options.paths) require_mount(path);
    TerminalLine line;
    try {
        for (const fs::path& path : options.paths) {
            Unfinished unfinished(path);
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
