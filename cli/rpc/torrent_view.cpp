#include "cli/rpc/torrent_view.hpp"

#include <cmath>

namespace btfs::cli {

const TorrentFacts& TorrentView::facts() const {
    static const TorrentFacts kNone{};
    return entry().facts ? *entry().facts : kNone;
}

const TorrentStatus& TorrentView::engine() const {
    static const TorrentStatus kNone{};
    return report.status ? *report.status : kNone;
}

RpcStatus TorrentView::status() const {
    if (const auto verifying = entry().verifying())
        return verifying->begun ? RpcStatus::checking : RpcStatus::check_waiting;
    return transfer_status();
}

RpcStatus TorrentView::transfer_status() const {
    if (!entry().problem.empty() || entry().paused) return RpcStatus::stopped;
    if (!is_known() || left_until_done() > 0) return RpcStatus::downloading;
    return engine().seeding_ended ? RpcStatus::stopped : RpcStatus::seeding;
}

std::uint64_t TorrentView::bytes_had() const {
    return engine().content ? engine().content->size - engine().content->left : 0;
}

/// Returns the size of what is wanted or, of a torrent that wants nothing, of all files: they can be read. Of
/// 0 clients show "n/a" in place of a percentage.
std::uint64_t TorrentView::size_when_done() const {
    return entry().bytes_pinned > 0 && !entry().all_pinned ? entry().bytes_pinned : total_size();
}

std::uint64_t TorrentView::total_size() const {
    return is_known() || !entry().problem.empty() ? facts().size : 0;
}

std::uint64_t TorrentView::left_until_done() const {
    if (!is_known() || entry().bytes_pinned == 0) return 0;
    if (entry().all_pinned) return engine().content ? engine().content->left : facts().size;
    return pinned_left;
}

std::int64_t TorrentView::eta() const {
    constexpr std::int64_t kNotDownloading = -1, kUnknown = -2;
    if (!is_downloading()) return kNotDownloading;
    const std::uint64_t left = left_until_done();
    if (left == 0 || engine().rates.down < 1) return kUnknown;
    return std::llround(static_cast<double>(left) / engine().rates.down);
}

double TorrentView::upload_ratio() const {
    const std::uint64_t had = engine().downloaded > 0 ? engine().downloaded : bytes_had();
    if (had == 0) return -1;
    return static_cast<double>(engine().uploaded) / static_cast<double>(had);
}

std::string TorrentView::download_dir() const {
    return entry().library_folder.empty() ? mount.download_dir : entry().library_folder;
}

bool needs_pinned_left(const RosterEntry& entry) {
    return entry.visible() && entry.bytes_pinned > 0 && !entry.all_pinned;
}

}  // namespace btfs::cli
