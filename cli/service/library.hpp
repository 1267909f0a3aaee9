// Library: a folder of symlinks into the mount, by label, for programs that sort what they import.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace btfs::cli {

/// Shows each torrent under each of its labels: FOLDER/LABEL/NAME is a symlink to MOUNTPOINT/NAME, or, of a
/// torrent of many files, a folder with a symlink to each file, since programs that import files copy the
/// symlinks that they find and read all else. Removes symlinks at FOLDER/LABEL/PATH that lead to
/// MOUNTPOINT/PATH, which only a Library makes, and the folders below FOLDER/LABEL that are empty then;
/// nothing else. A place that something else has, or that lies behind somebody's symlink, stays as it is, and
/// the log says so. Label folders stay when they are empty, since programs want the folder of a category to
/// be there. Never looks into the mount, which may be busy. Remembers no link: what it has made it finds by
/// its place and target. On one thread at a time.
class Library {
  public:
    using Index = std::size_t;
    /// Returns the paths of a torrent's files below the mountpoint.
    using ListFiles = std::function<std::vector<std::string>()>;

    /// Files of a torrent that have links of their own; one with more is linked as a folder.
    static constexpr std::size_t kMostLinks = 2000;
    /// Folders below each other, from NAME on, in which links are looked for; one with a file in more is
    /// linked as a folder, too.
    static constexpr int kDeepest = 100;

    /// Makes the folder. Throws Failure if that fails, or if one of the two lies in the other.
    Library(const std::filesystem::path& folder, const std::filesystem::path& mountpoint);

    const std::filesystem::path& folder() const { return folder_; }

    /// Links a torrent under these labels, and under no others that it had. A torrent that had the name
    /// before loses its links until it is placed by its new one. Returns the folder of the first label in
    /// which the name is there; empty if there is none. `files` is called if links have to be made.
    std::filesystem::path place(Index torrent, const std::string& name,
                                const std::vector<std::string>& labels, const ListFiles& files);
    /// Removes the links of a torrent.
    void take_out(Index torrent);
    /// Removes the links that an earlier mount has left, but for those to torrents of these names, which the
    /// mount has.
    void remove_stale(const std::set<std::string>& mounted);

    /// True if a label can be the name of a folder.
    static bool can_hold(const std::string& label);

  private:
    struct Placed {
        std::string name = {};
        std::vector<std::string> labels = {};
        std::optional<std::size_t> linked = {};  ///< the first of the labels under which it has a link
    };

    std::filesystem::path folder_of(const Placed& placed) const;

    // `at`: LABEL/PATH, below folder_.
    bool link(const std::filesystem::path& at);
    std::filesystem::path target_of(const std::filesystem::path& at) const;
    void unlink(const std::filesystem::path& at);
    void find_links(int folder, const std::string& name, const std::filesystem::path& label,
                    const std::filesystem::path& path, int depth,
                    std::vector<std::filesystem::path>& found) const;

    std::filesystem::path folder_;
    std::filesystem::path mountpoint_;
    std::map<Index, Placed> placed_;
    std::unordered_map<std::string, Index> by_name_;  ///< of placed_: no name is there twice
    std::set<std::filesystem::path> told_;            ///< the log has told of them
};

}  // namespace btfs::cli
