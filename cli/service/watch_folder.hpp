// A folder whose torrent files and magnet links are added to the mount as they appear.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <thread>
#include <utility>

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
/// tells of it, once, and in rename mode it gets the suffix kFailedSuffix. Has a thread of its own.
class WatchFolder {
  public:
    static constexpr Duration kLookEvery = std::chrono::seconds(10);
    static constexpr Duration kUnfinished = std::chrono::seconds(5);
    static constexpr const char* kAddedSuffix = ".added";
    static constexpr const char* kFailedSuffix = ".failed";

    /// Adds the torrent of a torrent file or a link. Throws Failure. Called on the folder's thread.
    using Add = std::function<void(Bytes content)>;

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

    void run();
    bool wait_for_news(Duration at_most);
    /// True: some files have to be looked at again soon.
    bool look();
    bool take(const std::filesystem::path& path, const Version& version);
    void add_all(const std::filesystem::path& path, const Version& version);
    static bool is_young(const Version& version);
    void settle(const std::filesystem::path& path, const char* suffix);

    const std::filesystem::path folder_;
    const WatchMode mode_;
    const Add add_;
    const Duration look_every_;
    const FileDescriptor end_;                       ///< an eventfd: readable when this is being destroyed
    FileDescriptor news_;                            ///< inotify; invalid: there is none
    std::map<std::filesystem::path, Version> done_;  ///< files that stay where they are
    bool told_unreadable_ = false;
    std::thread thread_;
};

}  // namespace btfs::cli
