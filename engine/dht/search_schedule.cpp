#include "engine/dht/search_schedule.hpp"

#include <algorithm>
#include <utility>

namespace btfs::dht {

void SearchSchedule::enqueue(const NodeId& info_hash, Torrent& torrent, TimePoint due) {
    torrent.due = due;
    queue_of(torrent).insert({due, info_hash});
}

void SearchSchedule::add(const NodeId& info_hash, TimePoint now) {
    const auto [torrent, is_new] = torrents_.try_emplace(info_hash);
    if (is_new) enqueue(info_hash, torrent->second, now);
}

void SearchSchedule::remove(const NodeId& info_hash) {
    const auto found = torrents_.find(info_hash);
    if (found == torrents_.end()) return;
    if (found->second.running) --running_;
    queue_of(found->second).erase({found->second.due, info_hash});
    torrents_.erase(found);
}

void SearchSchedule::want_peers(const NodeId& info_hash, TimePoint now) {
    const auto found = torrents_.find(info_hash);
    if (found == torrents_.end() || found->second.running || found->second.wanted) return;
    Torrent& torrent = found->second;
    others_.erase({torrent.due, info_hash});
    torrent.wanted = true;
    const bool begun = torrent.begun != TimePoint{};
    enqueue(info_hash, torrent, begun ? std::max(now, torrent.begun + kWantedInterval) : now);
}

void SearchSchedule::repeat(const NodeId& info_hash, TimePoint now) {
    const auto found = torrents_.find(info_hash);
    if (found == torrents_.end()) return;
    Torrent& torrent = found->second;
    torrent.repeat = torrent.running;
    if (torrent.running) return;
    queue_of(torrent).erase({torrent.due, info_hash});
    enqueue(info_hash, torrent, std::min(torrent.due, now));
}

void SearchSchedule::repeat_all(TimePoint now) {
    for (auto& [info_hash, torrent] : torrents_) repeat(info_hash, now);
}

std::optional<NodeId> SearchSchedule::poll_search(TimePoint now) {
    if (!has_room_for_readers()) return std::nullopt;
    std::set<Place>* queue = &wanted_;
    if (wanted_.empty() || now < wanted_.begin()->first) {
        queue = &others_;
        if (!has_room() || others_.empty() || now < others_.begin()->first || now < next_begin_)
            return std::nullopt;
        if (++begun_count_ >= kLeastAtOnce) next_begin_ = now + pace();
    }
    const NodeId info_hash = queue->begin()->second;
    queue->erase(queue->begin());
    Torrent& torrent = torrents_.at(info_hash);
    torrent.running = true;
    torrent.wanted = false;
    torrent.begun = now;
    ++running_;
    return info_hash;
}

void SearchSchedule::handle_end(const NodeId& info_hash, bool found_any, TimePoint now) {
    const auto found = torrents_.find(info_hash);
    if (found == torrents_.end() || !found->second.running) return;
    Torrent& torrent = found->second;
    --running_;
    torrent.running = false;
    const Duration all_others = pace() * static_cast<int>(torrents_.size());
    const Duration pause = found_any ? kInterval : std::clamp<Duration>(all_others, torrent.retry, kInterval);
    torrent.retry = found_any ? kFirstRetry : std::min(2 * torrent.retry, kInterval);
    enqueue(info_hash, torrent, std::exchange(torrent.repeat, false) ? now : now + pause);
}

std::size_t SearchSchedule::most_at_once() const {
    return std::min(kMostAtOnce, kLeastAtOnce + torrents_.size() / kTorrentsForOneMore);
}

Duration SearchSchedule::pace() const {
    return std::min<Duration>(kPace, kRound / static_cast<int>(torrents_.size()));
}

TimePoint SearchSchedule::next_timeout() const {
    if (!has_room_for_readers()) return kNever;
    TimePoint next = wanted_.empty() ? kNever : wanted_.begin()->first;
    if (has_room() && !others_.empty()) next = std::min(next, std::max(others_.begin()->first, next_begin_));
    return next;
}

}  // namespace btfs::dht
