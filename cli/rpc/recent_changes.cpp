#include "cli/rpc/recent_changes.hpp"

#include <algorithm>

#include "cli/service/state_hash.hpp"

namespace btfs::cli {
namespace {

/// Returns a hash of what clients show of a torrent.
std::uint64_t state_of(const TorrentReport& torrent) {
    StateHash hash;
    const RosterEntry& entry = torrent.entry;
    hash.add(entry.name);
    hash.add(entry.label);
    hash.add(entry.problem);
    hash.add(entry.library_folder);
    hash.add(entry.visible() ? 1 : 0);
    hash.add(entry.paused ? 1 : 0);
    hash.add(entry.bytes_pinned);
    const auto verifying = entry.verifying();
    hash.add(verifying ? static_cast<std::uint64_t>(1e6 * verifying->done) + 1 : 0);
    if (!torrent.status) return hash.value();
    hash.add(torrent.status->peers);
    hash.add(torrent.status->downloaded);
    hash.add(torrent.status->uploaded);
    hash.add(torrent.status->rates.down >= 1 || torrent.status->rates.up >= 1 ? 1 : 0);
    hash.add(torrent.status->content ? torrent.status->content->left + 1 : 0);
    hash.add(torrent.status->metadata.pieces_had);
    hash.add(torrent.status->seeding_ended ? 1 : 0);
    return hash.value();
}

/// Returns seconds since 1970.
std::int64_t came_at(const RosterEntry& entry) {
    return std::max(entry.added_ms, entry.shown_ms) / 1000;
}

}  // namespace

RecentChanges::Recent RecentChanges::look(std::span<const TorrentReport> torrents, TimePoint now,
                                          std::int64_t now_s) {
    std::lock_guard lock(mutex_);
    ++looks_;
    Recent recent;
    for (const TorrentReport& torrent : torrents) {
        const auto [at, is_new] = seen_.try_emplace(torrent.index);
        removed_.erase(torrent.index);  // it was missing in an older list that was taken later
        Seen& seen = at->second;
        const std::uint64_t state = state_of(torrent);
        // Of torrents that were there before the first look, nobody knows when they changed.
        const bool is_old = looks_ == 1 && std::chrono::seconds(now_s - came_at(torrent.entry)) > kRecent;
        if (is_new ? !is_old : state != seen.state) seen.changed = now;
        const std::uint64_t transferred =
            torrent.status ? torrent.status->downloaded + torrent.status->uploaded : 0;
        if (transferred > seen.transferred) seen.active_s = now_s;
        seen.state = state;
        seen.transferred = transferred;
        seen.look = looks_;
        if (seen.changed && now - *seen.changed <= kRecent) recent.changed.insert(torrent.index);
        if (seen.active_s != 0) recent.active_s.emplace(torrent.index, seen.active_s);
    }
    std::erase_if(seen_, [&](const auto& item) {
        if (item.second.look == looks_) return false;
        removed_[item.first] = now;
        return true;
    });
    std::erase_if(removed_, [&](const auto& item) { return now - item.second > kRecent; });
    for (const auto& [index, when] : removed_) recent.removed.push_back(index);
    return recent;
}

}  // namespace btfs::cli
