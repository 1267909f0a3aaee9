// FileTree: a torrent's content in files that somebody else owns and may change.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "cache/disk/files.hpp"
#include "engine/core/layout.hpp"

namespace btfs {

/// Returns true if the error of opening a file says that it has gone, or that its name belongs to something
/// that is not a regular file.
bool says_gone(const Error& error);

/// Reads ranges of a torrent out of the files that hold it, and tells whether a file is as it was when it was
/// looked at. Opens each file for each read, never creates one and never writes. Called from any thread;
/// waits for the disk.
class FileTree {
  public:
    /// A file, as it was when it was looked at.
    struct Seen {
        std::filesystem::path path;
        FileStatus status;
    };
    /// Shared, as a read may be under way when the file is looked at again.
    using SeenPtr = std::shared_ptr<const Seen>;

    /// Kinds of change of a file that are noticed.
    enum class Watch : std::uint8_t {
        content,     ///< another file, size or time of modification
        everything,  ///< any change of its status: a time that was set back is found out
    };

    /// How a read ended, from the best to the worst.
    enum class State : std::uint8_t {
        good,
        changed,  ///< all bytes were read, of a file that has changed
        failed,   ///< the error may pass
        gone,     ///< the file is gone, too short, or damaged
    };
    struct Outcome {
        State state = State::good;
        std::size_t file = 0;  ///< the file in this state, by its place in the layout
        SeenPtr seen;          ///< what it was held to be
        Error error;           ///< the system's
    };

    /// `layout` and `files` outlive this. `how` says how files are opened. No file is known yet.
    FileTree(const Layout& layout, Files& files, OpenHow how, Watch watch);

    SeenPtr seen(std::size_t file) const;
    /// Reads expect the file to be as it was seen; null: it is not there.
    void set_seen(std::size_t file, SeenPtr seen);

    /// Fills `out`, with zeros for pad files. Sets `cold` if some bytes were not in the page cache. Of two
    /// files the one in the worse state counts.
    Outcome read(ByteRange range_in_torrent, std::span<std::byte> out, bool* cold = nullptr) const;
    /// Asks the kernel to read the range soon.
    void will_need(ByteRange range_in_torrent) const;
    /// Calls f(file, its part of the range), until f returns false, for each file in the range that is no pad
    /// file.
    template <class F>
    void each_file(ByteRange range_in_torrent, F&& f) const {
        if (range_in_torrent.empty()) return;
        const std::span<const FileExtent> files = layout_.files();
        for (std::size_t i = layout_.file_at(range_in_torrent.begin).value(); i < files.size(); ++i) {
            if (files[i].offset_in_torrent >= range_in_torrent.end) return;
            const ByteRange part = files[i].range().intersection(range_in_torrent);
            if (!files[i].pad && !part.empty() && !f(i, part)) return;
        }
    }

  private:
    bool is_out_of_reach(const Error& error) const;
    Outcome read_file(std::size_t file, std::uint64_t offset_in_file, std::span<std::byte> out,
                      bool* cold) const;

    const Layout& layout_;
    Files& files_;
    const OpenHow how_;
    const Watch watch_;
    mutable std::mutex mutex_;
    std::vector<SeenPtr> seen_;  // guarded by mutex_
};

}  // namespace btfs
