#include "cli/service/dropped_content.hpp"

#include <cerrno>
#include <thread>

#include "cache/records/torrent_files.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

constexpr Duration kLookAgain = 20ms;

}  // namespace

DroppedContent::DroppedContent(Services services) : services_(services) {
    if (!services_.added) return;
    for (const std::string& cache_key : services_.added->drops()) {
        if (!identity_of(cache_key)) continue;  // somebody else's file
        Error error;
        while ((error = remove_torrent_files(*services_.cache_dir.files(), cache_key)) ==
                   Errc::storage_locked &&
               Clock::now() < services_.earlier_mount_ends)
            std::this_thread::sleep_for(kLookAgain);
        settle(cache_key, error);
    }
}

DroppedContent::~DroppedContent() {
    for (const std::string& cache_key : left_)
        settle(cache_key, remove_torrent_files(*services_.cache_dir.files(), cache_key));
}

void DroppedContent::note(const Identity& torrent) {
    const std::string cache_key = torrent.cache_key();
    left_.insert(cache_key);
    if (!services_.added) return;
    if (const Error error = services_.added->note_drop(cache_key))
        log::warn("{}: what was fetched of it stays if the mount is killed: {}", cache_key, error.message());
}

void DroppedContent::drop(const Identity& torrent) {
    const std::string cache_key = torrent.cache_key();
    settle(cache_key, remove_torrent_files(*services_.cache_dir.files(), cache_key));
    left_.erase(cache_key);
}

/// Forgets the note, whatever came of the removal: content that another mount uses is that mount's.
void DroppedContent::settle(const std::string& cache_key, const Error& failure) const {
    if (failure && failure != system_error(ENOENT))
        log::warn("{}: what was fetched of it stays: {}", cache_key, failure.message());
    if (!services_.added) return;
    if (const Error error = services_.added->forget_drop(cache_key))
        log::warn("{}: the next mount will remove what is fetched of it: {}", cache_key, error.message());
}

}  // namespace btfs::cli
