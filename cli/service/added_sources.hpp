// Sources that were added to a mount while it ran, kept for the next mount there.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/disk/files.hpp"
#include "cache/disk/linux_files.hpp"
#include "cache/records/pins.hpp"
#include "cli/service/torrent_limits.hpp"
#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"

namespace btfs::cli {

/// Keeps a file for each source, and one for the settings of each other torrent that has some, in a folder of
/// the mountpoint: a dictionary in bencode with the source's own bytes. Each file is written whole or not at
/// all, so that a kill or a full disk costs one source at most. Waits for the disk. On one thread at a time.
class AddedSources {
  public:
    /// In tiers, as the user has changed them; nothing: those of the source.
    using Trackers = std::optional<std::vector<std::vector<std::string>>>;

    struct Source {
        Bytes content;  ///< a torrent file, or the text of a magnet link or URL
        std::string label = {};
        bool pinned_whole = false;
        std::int64_t added_ms = 0;  ///< milliseconds since 1970
        TorrentLimits limits = {};
        /// Files that are pinned once they are known, by their places among those that ContentReport lists;
        /// kMostPinnedRanges at most. Empty if pinned_whole.
        Pins pinned_files = {};
        bool paused = false;
        Trackers trackers = {};
        bool operator==(const Source&) const = default;
    };
    /// The settings that a user made of a torrent whose source is not kept, since the command line names it.
    struct Settings {
        std::string label = {};
        TorrentLimits limits = {};
        bool paused = false;
        Trackers trackers = {};
        bool operator==(const Settings&) const = default;
    };

    /// Ranges of pinned_files that are kept.
    static constexpr std::size_t kMostPinnedRanges = 1000;

    /// Returns the time now, as added_ms has it.
    static std::int64_t now_ms();
    /// Returns the folder below `state` for a mountpoint, which is an absolute path.
    static std::filesystem::path folder_of(const std::filesystem::path& state,
                                           const std::filesystem::path& mountpoint);
    /// Returns the name that a source is kept by, which follows from its bytes.
    static std::string name_of(ByteView content);

    /// The folder is made when the first source is kept.
    explicit AddedSources(std::filesystem::path folder,
                          std::shared_ptr<Files> files = std::make_shared<LinuxFiles>())
        : folder_(std::move(folder)), files_(std::move(files)) {}

    /// Keeps a source, in place of one with the same bytes. When this returned without error, it survives a
    /// loss of power.
    Error keep(const Source& source) const;
    /// Changes a source that is kept. ENOENT if there is none of that name, EIO if it is damaged.
    Error change(const std::string& name, const std::function<void(Source&)>& change) const;
    Error set_pinned(const std::string& name, bool pinned_whole, const Pins& pinned_files) const;
    /// Ignores a name that is not there. When this returned without error, it holds after a loss of power.
    Error forget(const std::string& name) const;
    /// Keeps the settings of a torrent, by its info-hash in hex; defaults need no file.
    Error keep_settings(const std::string& info_hash, const Settings& settings) const;
    /// ENOENT if there are none, EIO if they are damaged.
    Result<Settings> read_settings(const std::string& info_hash) const;
    /// Notes that what was fetched of a torrent is to be removed from the cache, by its cache key.
    Error note_drop(const std::string& cache_key) const;
    Error forget_drop(const std::string& cache_key) const;
    /// Returns the cache keys of all that note_drop() has noted.
    std::vector<std::string> drops() const;
    /// Returns the names of all sources that are kept, in the order in which they were written last.
    std::deque<std::string> names() const;
    /// EIO if it is damaged; its file stays where it is.
    Result<Source> read(const std::string& name) const;
    std::filesystem::path path_of(const std::string& name) const;

  private:
    Error write(const std::filesystem::path& path, ByteView content) const;
    Error remove(const std::filesystem::path& path) const;
    std::vector<std::filesystem::path> files_with(std::string_view suffix) const;
    std::filesystem::path settings_path(const std::string& info_hash) const;
    std::filesystem::path drop_path(const std::string& cache_key) const;

    std::filesystem::path folder_;
    std::shared_ptr<Files> files_;  ///< shared with copies of this
};

}  // namespace btfs::cli
