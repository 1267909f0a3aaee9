// Tiers of trackers: the order in which a torrent's trackers are asked (BEP 12).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/rng.hpp"
#include "engine/core/types.hpp"

namespace btfs::tracker {

/// Names one tracker of one torrent for as long as the torrent is there.
using TrackerIndex = Index<struct TrackerTag>;

/// Trackers in tiers, shuffled within their tier once. One that answers goes to the front of its tier.
/// Repeated URLs are left out; those that cannot be used are kept apart, to be shown.
class TrackerTiers {
  public:
    /// Trackers of one torrent; more are ignored.
    static constexpr std::size_t kMaxTrackers = 100;
    /// URLs that were trackers of the torrent at some time; once there are so many, no new one is taken.
    static constexpr std::size_t kMaxKnown = 1000;

    TrackerTiers() = default;
    TrackerTiers(const std::vector<std::vector<std::string>>& tiers, Rng& rng);

    /// Has these trackers from now on, and no others. A tracker that is still there, or was there, keeps its
    /// index.
    void replace(const std::vector<std::vector<std::string>>& tiers, Rng& rng);
    /// Returns false for a tracker that replace() has removed.
    bool has(TrackerIndex tracker) const { return listed_[tracker.value()]; }
    /// Adds a tracker as a tier of its own behind the others. False if it is known or cannot be used.
    bool add(std::string_view url);
    /// The tracker answered.
    void promote(TrackerIndex tracker);

    /// Those that were removed included.
    std::size_t size() const { return urls_.size(); }
    const std::string& url(TrackerIndex tracker) const { return urls_[tracker.value()]; }
    /// All of them, in the order of asking.
    std::vector<TrackerIndex> order() const;
    /// URLs that name no tracker that we can ask, as written; kMaxTrackers at most.
    const std::vector<std::string>& unusable() const { return unusable_; }

  private:
    bool add_to(std::vector<TrackerIndex>& tier, std::string_view url);

    std::vector<std::string> urls_;
    std::vector<bool> listed_;  ///< which of urls_ are in tiers_
    std::vector<std::string> unusable_;
    std::vector<std::vector<TrackerIndex>> tiers_;
};

}  // namespace btfs::tracker
