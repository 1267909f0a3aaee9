#include "engine/swarm/uplink_governor.hpp"

#include <utility>

namespace btfs {
namespace {

/// The most by which the limit changes in one period.
constexpr double kFall = 0.3;
constexpr double kRise = 0.1;
/// A limit that is that many times what is sent limits nothing.
constexpr double kFarAbove = 4;

}  // namespace

void UplinkGovernor::end_period(double rate) {
    const std::optional<Duration> queue = std::exchange(queue_, std::nullopt);
    if (!queue) return;  // nothing is uploaded
    const double off = 1 - seconds(*queue) / seconds(kTarget);  // > 0: there is room
    if (off < 0) {
        limit_ = std::max(kLeast, std::min(limit_, rate) * (1 + kFall * std::max(-1.0, off)));
    } else if (limit_ > kFarAbove * rate) {
        limit_ = kUnlimited;
    } else {
        limit_ *= 1 + kRise * off;
    }
}

}  // namespace btfs
