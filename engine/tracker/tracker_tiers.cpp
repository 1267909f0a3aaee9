#include "engine/tracker/tracker_tiers.hpp"

#include <algorithm>

#include "engine/tracker/tracker_url.hpp"

namespace btfs::tracker {

TrackerTiers::TrackerTiers(const std::vector<std::vector<std::string>>& tiers, Rng& rng) {
    replace(tiers, rng);
}

void TrackerTiers::replace(const std::vector<std::vector<std::string>>& tiers, Rng& rng) {
    tiers_.clear();
    unusable_.clear();
    listed_.assign(urls_.size(), false);
    for (const auto& urls : tiers) {
        std::vector<TrackerIndex> tier;
        for (const std::string& url : urls) add_to(tier, url);
        for (std::size_t i = tier.size(); i > 1; --i) std::swap(tier[i - 1], tier[rng.below(i)]);
        if (!tier.empty()) tiers_.push_back(std::move(tier));
    }
}

bool TrackerTiers::add(std::string_view url) {
    std::vector<TrackerIndex> tier;
    if (!add_to(tier, url)) return false;
    tiers_.push_back(std::move(tier));
    return true;
}

bool TrackerTiers::add_to(std::vector<TrackerIndex>& tier, std::string_view url) {
    const auto known_url = std::ranges::find(urls_, url);
    const auto place = static_cast<std::size_t>(known_url - urls_.begin());
    if (known_url != urls_.end() && listed_[place]) return false;
    if (!TrackerUrl::parse(url)) {
        const bool known = std::ranges::find(unusable_, url) != unusable_.end();
        if (!known && unusable_.size() < kMaxTrackers) unusable_.emplace_back(url);
        return false;
    }
    if (std::ranges::count(listed_, true) >= static_cast<std::ptrdiff_t>(kMaxTrackers)) return false;
    if (known_url == urls_.end()) {
        if (urls_.size() >= kMaxKnown) return false;
        urls_.emplace_back(url);
        listed_.push_back(true);
    }
    listed_[place] = true;
    tier.push_back(TrackerIndex(place));
    return true;
}

void TrackerTiers::promote(TrackerIndex tracker) {
    for (auto& tier : tiers_) {
        const auto found = std::ranges::find(tier, tracker);
        if (found != tier.end()) std::rotate(tier.begin(), found, found + 1);
    }
}

std::vector<TrackerIndex> TrackerTiers::order() const {
    std::vector<TrackerIndex> all;
    for (const auto& tier : tiers_) all.insert(all.end(), tier.begin(), tier.end());
    return all;
}

}  // namespace btfs::tracker
