// SeedMemory: facts learned of one web seed, kept as long as its torrent is open.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/core/layout.hpp"
#include "engine/core/time.hpp"
#include "engine/http/local_access.hpp"

namespace btfs::webseed {

/// Knows which files the seed may be asked for, where redirects have led, and until when it rests after
/// failures. A file is *distrusted*, and never asked for again, once the server has shown that it does not
/// have the torrent's file: another size, a wrong range, no such file, or a piece of that file alone that
/// failed its hash. So no server can make us fetch the same wrong data twice. A machine; on the engine
/// thread.
class SeedMemory {
  public:
    /// Pieces that failed their hash before the seed is given up.
    static constexpr std::size_t kMaxFailedPieces = 4;
    /// Failures in a row for one file, none of which says that it is not there, before it counts as such.
    static constexpr unsigned kMaxFileFailures = 8;
    static constexpr Duration kFirstRest = std::chrono::seconds(1);
    static constexpr Duration kLongestRest = std::chrono::minutes(5);
    /// Longest pause that the server can ask for with Retry-After.
    static constexpr Duration kLongestRetryAfter = std::chrono::hours(1);
    static constexpr std::size_t kMaxRedirects = 1000;
    /// Of a server without ranges so much of a file is read and thrown away to get to what is wanted.
    static constexpr std::uint64_t kMaxDiscard = std::uint64_t{32} << 20;

    /// The layout outlives this.
    explicit SeedMemory(const Layout& layout);

    // ---- files ----
    bool serves(FileIndex file) const { return !distrusted_.contains(file); }
    void distrust(FileIndex file) { distrusted_.insert(file); }
    /// True if there is a file left.
    bool serves_anything() const { return distrusted_.size() < content_files_; }
    /// True if all of the piece can be had, without ranges too.
    bool offers(PieceIndex piece) const;
    /// A piece that came from this seed alone does not match its hash. Returns the files that are distrusted
    /// for it. Which file of several is wrong cannot be told: then the piece alone is not asked for again.
    std::vector<FileIndex> on_piece_failed(PieceIndex piece);
    bool has_lied_too_often() const { return failed_pieces_.size() >= kMaxFailedPieces; }
    /// The seed is not asked for anything any more.
    void give_up() { given_up_ = true; }
    bool is_usable() const { return !given_up_ && !has_lied_too_often() && serves_anything(); }

    // ---- servers without ranges ----
    bool ignores_ranges(FileIndex file) const { return reach_.contains(file); }
    /// The file can only be read from its start. Besides the first kMaxDiscard of it this range of it can be
    /// had, since a request under way will come there.
    void set_reach(FileIndex file, ByteRange in_file) { reach_[file] = in_file; }

    // ---- redirects ----
    struct Place {
        std::string url;
        std::string credentials;  ///< for that URL (see http::HttpUrl)
        http::LocalAccess access;
        bool from_public = false;  ///< a public server has redirected to it
    };
    /// Where the file was found last; null if that was at its own URL.
    const Place* place_of(FileIndex file) const;
    void set_place(FileIndex file, Place place);
    void forget_place(FileIndex file) { places_.erase(file); }

    // ---- failures ----
    void on_success(FileIndex file);
    /// The server, or the way to it, has failed. Returns when it may be tried again.
    TimePoint on_failure(FileIndex file, std::optional<Duration> retry_after, TimePoint now);
    /// Rests without a failure.
    TimePoint rest_for(Duration time, TimePoint now) { return rests_until_ = now + time; }
    unsigned failures() const { return failures_; }
    TimePoint rests_until() const { return rests_until_; }

  private:
    const Layout& layout_;
    std::size_t content_files_ = 0;
    std::set<FileIndex> distrusted_;
    std::set<PieceIndex> failed_pieces_;
    std::map<FileIndex, ByteRange> reach_;
    std::map<FileIndex, Place> places_;
    std::map<FileIndex, unsigned> file_failures_;
    bool given_up_ = false;
    unsigned failures_ = 0;  ///< in a row
    TimePoint rests_until_{};
};

}  // namespace btfs::webseed
