#include "engine/swarm/idle_interest.hpp"

#include <algorithm>
#include <vector>

namespace btfs {

void IdleInterest::begin(Holder& torrent, TimePoint now) {
    if (!idle_.empty() && idle_.front() == &torrent) return;
    end(torrent);
    idle_.push_front(&torrent);
    Holder* ended = nullptr;
    if (idle_.size() > kMaxTorrents) {
        ended = idle_.back();
        idle_.pop_back();
    }
    if (ended) ended->reconsider_interest(now);
    reconsider_others(torrent, now);
}

void IdleInterest::set_waiting(Holder& torrent, bool waits, TimePoint now) {
    const bool news = waits ? waiting_.insert(&torrent).second : waiting_.erase(&torrent) > 0;
    if (news && waits) reconsider_others(torrent, now);
}

void IdleInterest::remove(Holder& torrent) {
    end(torrent);
    waiting_.erase(&torrent);
}

void IdleInterest::reconsider_others(const Holder& than, TimePoint now) {
    const std::vector<Holder*> all(idle_.begin(), idle_.end());
    for (Holder* each : all)
        if (each != &than) each->reconsider_interest(now);
}

bool IdleInterest::may_be_interested(const Holder& torrent, const Address& host) const {
    if (std::ranges::any_of(waiting_, [&](const Holder* other) { return other->waits_at(host); }))
        return false;
    std::size_t later = 0;
    for (const Holder* each : idle_) {
        if (each == &torrent) return true;
        later += each->is_connected_to(host);
        if (later == kMaxPerHost) return false;
    }
    return false;
}

}  // namespace btfs
