#include "engine/tracker/announce.hpp"

#include <algorithm>

#include "engine/core/address_scope.hpp"

namespace btfs::tracker {

std::size_t AnnounceReply::set_tracker(const Address& address) {
    tracker = address;
    return std::erase_if(peers, [&](const Endpoint& peer) { return !may_tell_of(address, peer.address); });
}

Duration usable_interval(std::int64_t interval_seconds) {
    constexpr auto longest = std::chrono::duration_cast<std::chrono::seconds>(kLongestInterval).count();
    const std::int64_t bounded = std::clamp<std::int64_t>(interval_seconds, 0, longest);
    return std::max<Duration>(std::chrono::seconds(bounded), kShortestInterval);
}

std::string usable_text(std::string_view text) {
    std::string line(text.substr(0, kMaxReasonSize));
    std::ranges::replace_if(
        line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    return line;
}

}  // namespace btfs::tracker
