// AdoptedFiles: what another client has downloaded of a torrent, complete or in part.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cache/adopted/file_tree.hpp"
#include "engine/core/bitfield.hpp"
#include "engine/core/layout.hpp"
#include "engine/core/time.hpp"

namespace btfs {

/// Knows where each file of one torrent lies in a folder, and which pieces may be there: it compares names
/// and sizes and asks for holes, and reads no content. Regular files only, under their own names or,
/// unfinished, with `.part` (Transmission) or `.!qB` (qBittorrent) behind them. A symbolic link below the
/// folder is not followed. Called from any thread; waits for the disk.
class AdoptedFiles {
  public:
    /// Pieces that lie in files as a whole.
    struct Pieces {
        Bitfield there;     ///< no byte is missing, or in a hole
        Bitfield complete;  ///< of those: all of their files are complete by name and size, and without holes
    };

    /// A file that changed less than this ago may change once more without a trace: times of files are
    /// coarse.
    static constexpr Duration kSettles = 2s;
    /// Stretches of a file beyond this many are not looked for.
    static constexpr std::size_t kMaxExtents = 1 << 16;

    struct Place {
        std::shared_ptr<Files> folder;  ///< where clients save torrents
        bool unfinished = false;        ///< nothing in it counts as complete
        Duration settles = kSettles;
    };

    /// Looks for the files at `names` in the folder, each by its place in `files`; an empty name: nowhere.
    /// Null if not one of them is there.
    static std::unique_ptr<AdoptedFiles> find(Place place, const Layout& layout,
                                              std::vector<std::string> names);
    AdoptedFiles(const AdoptedFiles&) = delete;
    AdoptedFiles& operator=(const AdoptedFiles&) = delete;

    const FileTree& tree() const { return tree_; }
    /// The pieces that were found at first.
    const Pieces& pieces() const { return pieces_; }
    /// The same, once.
    Pieces take_pieces() { return std::move(pieces_); }
    /// Looks at a file anew, and expects it from now on as it is now. Returns the pieces of
    /// pieces_of(file) that are there.
    Pieces look_again(std::size_t file);
    /// The pieces that the file has a part of.
    struct PieceSpan {
        PieceIndex first, last;
    };
    PieceSpan pieces_of(std::size_t file) const;
    /// False: a file in the range changed just before it was looked at.
    bool settled(ByteRange range_in_torrent) const;
    Duration settles() const { return place_.settles; }
    std::filesystem::path path_of(std::size_t file) const { return names_[file]; }
    /// True once for each file.
    bool first_complaint_of(std::size_t file);

  private:
    struct Found {
        FileTree::SeenPtr seen;
        std::vector<ByteRange> data;  ///< of the file
        bool complete = false;
    };

    AdoptedFiles(Place place, const Layout& layout, std::vector<std::string> names);
    Found look(std::size_t file) const;
    Found look_at(const std::string& name, std::uint64_t size) const;
    bool survey(std::size_t first, std::size_t last, std::optional<std::size_t> only, Pieces& pieces);

    const Place place_;
    const Layout layout_;
    const std::vector<std::string> names_;
    FileTree tree_;
    Pieces pieces_;
    std::mutex mutex_;
    std::set<std::size_t> complained_of_;  // guarded by mutex_
};

}  // namespace btfs
