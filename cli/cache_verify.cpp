// `btfs cache verify`.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "cache/torrent_check.hpp"
#include "cli/cached_torrents.hpp"
#include "cli/commands.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/text/human_size.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/progress_bar.hpp"

namespace btfs::cli {
namespace {

/// Pieces are hashed while they are read, in parts that stay in the processor's cache: no piece is held.
constexpr LargePieceSizes kNothingHeld{.streamed_proof = 0};

/// Verifies one torrent after the other; the pieces of each on all cores.
class Verification {
  public:
    Verification(const CacheDir& dir, std::uint64_t bytes)
        : dir_(dir),
          cores_(std::max(std::thread::hardware_concurrency(), 1u)),
          pool_(cores_ + 1),  // one thread is kept for reads
          memory_(PieceMemory::kDefaultBudget, kNothingHeld),
          bar_("verifying", bytes) {}

    void verify(const NamedTorrent& torrent);

    bool found_damage() const { return damaged_; }
    bool failed() const { return failed_; }
    /// Returns a line for each torrent with damage or content that was not verified; then the sum.
    std::string report() const {
        return lines_ + "verified: " + human_size(right_bytes_) + (damaged_ ? "" : ", no damage") + "\n";
    }

  private:
    void say(const NamedTorrent& torrent, const std::string& text) {
        lines_ += printable(torrent.label()) + ": " + text + '\n';
    }
    void doubt(const NamedTorrent& torrent);
    void check(const NamedTorrent& torrent, TorrentStore& store);

    const CacheDir& dir_;
    const unsigned cores_;
    DiskPool pool_;
    PieceMemory memory_;
    ProgressBar bar_;
    std::uint64_t done_ = 0, right_bytes_ = 0;
    std::string lines_;
    bool damaged_ = false, failed_ = false;
};

void Verification::verify(const NamedTorrent& torrent) {
    if (torrent.cached.in_use) return say(torrent, "is in use, and is verified there when it is read");
    if (!torrent.cached.claims_are_valid) {
        if (!torrent.is_lost()) return;  // nothing is there
        damaged_ = true;
        return say(torrent,
                   "its list of pieces is damaged, or of another version: all of it will be fetched "
                   "again");
    }
    const auto metainfo = kept_metainfo(dir_, torrent.cached.identity);
    if (!metainfo) return doubt(torrent);
    auto store = dir_.open_torrent({metainfo->identity, metainfo->layout, metainfo->hashes}, pool_, memory_);
    if (!store) {
        failed_ = failed_ || store.error() != Errc::storage_locked;
        return say(torrent, store.error().message());
    }
    check(torrent, **store);
    (*store)->close_begin(kNever);
    (*store)->close_finish(kNever);
}

void Verification::check(const NamedTorrent& torrent, TorrentStore& store) {
    const std::uint64_t had = store.bytes_had();
    // Asked anew: the torrent may have been removed, or its pieces evicted, since it was listed.
    if (had == 0 && bytes_claimed(*dir_.files(), torrent.cached.cache_key) > 0) {
        damaged_ = true;
        return say(torrent, "its list of pieces is of other content: all of it will be fetched again");
    }
    const CheckedPieces checked =
        TorrentCheck(store, cores_, [this](std::uint64_t bytes) { bar_.update(done_ += bytes); }).run();
    right_bytes_ += had - checked.damaged_bytes - checked.unread_bytes;
    if (checked.damaged > 0) {
        damaged_ = true;
        say(torrent, std::to_string(checked.damaged) + " of " +
                         std::to_string(checked.right + checked.damaged + checked.unread) +
                         " pieces are damaged, " + human_size(checked.damaged_bytes) +
                         ": they will be fetched again");
    }
    if (checked.unread > 0) {
        failed_ = true;
        say(torrent, std::to_string(checked.unread) + " pieces could not be read; try again");
    }
}

/// Without its hashes nothing can be proven here; a mount proves it.
void Verification::doubt(const NamedTorrent& torrent) {
    const Error error = dir_.doubt_claims(torrent.cached.identity);
    done_ += torrent.cached.bytes_had;
    if (!error)
        return say(torrent, "its description is not in the cache: it will be verified when it is mounted");
    if (error == system_error(ENOENT)) return;  // it was removed since it was listed
    failed_ = failed_ || error != Errc::storage_locked;
    say(torrent, error.message());
}

}  // namespace

int cache_verify(const CacheOptions& options) {
    const CacheDir dir = open_cache_dir(options.cache_dir);
    const std::vector<NamedTorrent> torrents = choose(list_cache(dir), options.torrents);
    std::uint64_t bytes = 0;
    for (const NamedTorrent& torrent : torrents) bytes += torrent.cached.in_use ? 0 : torrent.bytes_had();
    std::string report;
    bool found_damage = false, failed = false;
    {
        Verification verification(dir, bytes);
        for (const NamedTorrent& torrent : torrents) verification.verify(torrent);
        report = verification.report();
        found_damage = verification.found_damage();
        failed = verification.failed();
    }
    std::fputs(report.c_str(), stdout);
    std::fflush(stdout);
    if (found_damage) return kDamageFound;
    if (failed) throw Failure("not all of the cache could be verified");
    return kSuccess;
}

}  // namespace btfs::cli
