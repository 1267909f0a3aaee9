#include "engine/core/address_vote.hpp"

#include <algorithm>

namespace btfs {

void AddressVote::vote(const Address& voter, const Address& ours) {
    if (ours.is_unspecified() || ours.is_multicast()) return;
    votes_[voter.network()] = {ours, ++count_};
    if (votes_.size() > kMaxVotes)
        votes_.erase(std::ranges::min_element(votes_, {}, [](const auto& v) { return v.second.number; }));
}

std::optional<Address> AddressVote::winner() const {
    if (votes_.size() < kQuorum) return std::nullopt;
    std::map<Address, std::size_t> counts;
    for (const auto& [voter, vote] : votes_)
        if (2 * ++counts[vote.ours] > votes_.size()) return vote.ours;
    return std::nullopt;
}

}  // namespace btfs
