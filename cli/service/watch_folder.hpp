// A folder whose torrent files and magnet links are added to the mount as they appear.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cache/disk/file_descriptor.hpp"
#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {

/// Fate of a file in a watched folder once its torrent was added.
enum class WatchMode : std::uint8_t {
    rename,  ///< it gets the suffix kAddedSuffix
    leave,
    remove,
};

/// Adds *.torrent files, and the links in *.magnet files, one on a line, that are not hidden: those that are
/// there at first, and all that come. The kernel tells of files that were written or moved here; network
/// file systems tell nothing, so that the folder is looked through every kLookEvery, too. A file that cannot
/// be used may not be written to its end yet: it is tried again until it is kUnfinished old, then the log
/// tells of it, once, and in rename mode it gets the suffix kFailedSuffix. A failure that may pass, as that
/// of a full disk, leaves the file as it is, to be tried again later. So does a source that later mounts
/// would not have without the file: the file stays, whatever the mode. Has a thread of its own, which takes
/// kMostAtOnce files between two looks.
class WatchFolder {
  public:
    static constexpr Duration kLookEvery = std::chrono::seconds(10);
    static constexpr Duration kUnfinished = std::chrono::seconds(5);
    /// Between two tries of a file that fails and fails: twice as long each time.
    static constexpr Duration kLongestPause = std::chrono::minutes(10);
    static constexpr std::size_t kMostAtOnce = 1000;
    static constexpr const char* kAddedSuffix = ".added";
    static constexpr const char* kFailedSuffix = ".failed";

    /// Adds the torrent of a torrent file or a link. Returns whether later mounts have it, too. Throws
    /// Failure, whose error is one of the parsers' if the content can never be used. Called on the folder's
    /// thread.
    using Add = std::function<bool(Bytes content)>;

    /// `look_every`: see kLookEvery. Without inotify the folder is looked through only so often.
    WatchFolder(std::filesystem::path folder, WatchMode mode, Add add, Duration look_every = kLookEvery);
    /// Waits for the file that is being added.
    ~WatchFolder();
    WatchFolder(const WatchFolder&) = delete;
    WatchFolder& operator=(const WatchFolder&) = delete;

  private:
    /// State of a file, as far as it tells whether it has changed.
    struct Version {
        std::uintmax_t size;
        std::filesystem::file_time_type modified;
        bool operator==(const Version&) const = default;
    };

    /// A file that stays where it is.
    struct Known {
        Version version;
        TimePoint next_try = kNever;  ///< kNever: it is done
        Duration pause = {};          ///< before the next try, if failures may pass
        std::string told = {};        ///< what the log was told of it last
    };
    using File = std::pair<std::filesystem::path, Version>;

    void run();
    bool wait_for_news(Duration at_most);
    Duration look();
    bool find(std::vector<File>& to_take);
    void take(const File& file);
    bool add_all(const File& file);
    void tell_of_failure(const File& file, const std::string& problem, bool may_pass);
    bool is_ending() const;
    static bool is_young(const Version& version);
    void settle(const std::filesystem::path& path, const char* suffix);

    const std::filesystem::path folder_;
    const WatchMode mode_;
    const Add add_;
    const Duration look_every_;
    const FileDescriptor end_;  ///< an eventfd: readable when this is being destroyed
    FileDescriptor news_;       ///< inotify; invalid: there is none
    std::map<std::filesystem::path, Known> known_;
    bool told_unreadable_ = false;
    std::thread thread_;
};

}  // namespace btfs::cli
