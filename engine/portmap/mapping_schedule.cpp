#include "engine/portmap/mapping_schedule.hpp"

#include <algorithm>

namespace btfs::portmap {

void MappingSchedule::handle_mapped(std::chrono::seconds lease, TimePoint now) {
    due_ = now + std::clamp<Duration>(lease / 2, kShortestInterval, kLongestInterval);
    retry_ = kFirstRetry;
}

void MappingSchedule::handle_failure(TimePoint now, std::chrono::seconds refusal_lasts) {
    due_ = now + std::clamp<Duration>(refusal_lasts, retry_, kLongestRetry);
    retry_ = std::min(2 * retry_, kLongestRetry);
}

void MappingSchedule::handle_new_router() {
    *this = {};
}

}  // namespace btfs::portmap
