#include "engine/wire/requests_to_serve.hpp"

#include <algorithm>

namespace btfs::wire {

bool RequestsToServe::is_granted(PieceIndex piece) const {
    return std::ranges::find(granted_, piece) != granted_.end();
}

RequestsToServe::Verdict RequestsToServe::take(const BlockRef& block, bool choking) {
    if (std::ranges::find(waiting_, block) != waiting_.end()) return Verdict::repeated;
    if ((choking && !is_granted(block.piece)) || waiting_.size() >= kMaxWaiting) return Verdict::refused;
    waiting_.push_back(block);
    return Verdict::taken;
}

bool RequestsToServe::remove(const BlockRef& block) {
    return std::erase(waiting_, block) > 0;
}

std::vector<BlockRef> RequestsToServe::drop_choked() {
    std::vector<BlockRef> dropped;
    std::erase_if(waiting_, [&](const BlockRef& block) {
        if (is_granted(block.piece)) return false;
        dropped.push_back(block);
        return true;
    });
    return dropped;
}

}  // namespace btfs::wire
