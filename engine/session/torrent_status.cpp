#include "engine/session/torrent_status.hpp"

namespace btfs {

void TorrentStatus::show_trackers(std::vector<tracker::TrackerStatus> trackers) {
    const auto unusable = std::ranges::find(trackers, false, &tracker::TrackerStatus::usable);
    const auto shown_end = unusable + std::min<std::ptrdiff_t>(trackers.end() - unusable, kMaxUnusableShown);
    unusable_trackers.assign(unusable, shown_end);
    trackers.erase(unusable, trackers.end());
    auto shown = std::ranges::find_if(trackers, &tracker::TrackerStatus::working);
    if (shown == trackers.end())
        shown = std::ranges::find_if(trackers, [](const auto& t) { return !t.message.empty(); });
    if (shown != trackers.end()) {
        tracker = *shown;
    } else if (!trackers.empty()) {
        tracker = trackers.front();
    }
}

}  // namespace btfs
