#include "engine/net/host_places.hpp"

#include <utility>

namespace btfs::net {

HostPlaces::Place& HostPlaces::Place::operator=(Place&& other) noexcept {
    if (this == &other) return *this;
    free();
    places_ = std::exchange(other.places_, nullptr);
    host_ = std::move(other.host_);
    self_ = other.self_;
    return *this;
}

void HostPlaces::Place::free() {
    if (!places_) return;
    HostPlaces& places = *std::exchange(places_, nullptr);
    const auto host = places.hosts_.find(host_);
    host->second.erase(self_);
    if (host->second.empty()) places.hosts_.erase(host);
}

HostPlaces::Place HostPlaces::take(const std::string& host, std::function<bool()> give_up) {
    if (taken(host) >= kMaxPerHost) {
        auto& others = hosts_.at(host);
        // A place that is given up leaves the list: the next one is found before.
        for (auto other = others.begin(); other != others.end();) {
            const auto next = std::next(other);
            const auto ask = *other;
            if (ask()) break;
            other = next;
        }
        if (taken(host) >= kMaxPerHost) return {};
    }
    auto& places = hosts_[host];
    Place place;
    place.places_ = this;
    place.host_ = host;
    place.self_ = places.insert(places.end(), std::move(give_up));
    return place;
}

std::size_t HostPlaces::taken(const std::string& host) const {
    const auto found = hosts_.find(host);
    return found == hosts_.end() ? 0 : found->second.size();
}

}  // namespace btfs::net
