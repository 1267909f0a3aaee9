#include "engine/dht/reachability.hpp"

namespace btfs::dht {

void Reachability::on_sent(const Endpoint& to, TimePoint now) {
    if (visited_) return;
    if (spoken_to_.size() >= kMaxRemembered)
        std::erase_if(spoken_to_, [now](const auto& entry) { return now >= entry.second + kHoleLife; });
    if (spoken_to_.size() < kMaxRemembered || spoken_to_.contains(to)) spoken_to_[to] = now;
}

void Reachability::on_query(const Endpoint& from, TimePoint now) {
    if (visited_ || spoken_to_.size() >= kMaxRemembered) return;
    const auto found = spoken_to_.find(from);
    if (found != spoken_to_.end() && now < found->second + kHoleLife) return;
    visited_ = true;
    spoken_to_.clear();
}

}  // namespace btfs::dht
