#include "engine/core/address_vote.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

Address address(const std::string& text) {
    return *Address::parse(text);
}

TEST(AddressVote, IsWonByMoreThanHalfOfAQuorum) {
    AddressVote vote;
    const Address ours = address("203.0.113.5");
    for (std::size_t i = 0; i + 1 < AddressVote::kQuorum; ++i)
        vote.vote(address("198.51.100." + std::to_string(i + 1)), ours);
    EXPECT_FALSE(vote.winner());
    vote.vote(address("198.51.100.200"), address("192.0.2.66"));
    EXPECT_EQ(vote.winner(), ours);
    for (std::size_t i = 0; i < AddressVote::kQuorum; ++i)
        vote.vote(address("192.0.2." + std::to_string(i + 1)), address("192.0.2.66"));
    EXPECT_EQ(vote.winner(), address("192.0.2.66"));
}

TEST(AddressVote, CountsAHostOnceAndAnIpv6NetworkAsOne) {
    AddressVote vote;
    for (int i = 0; i < 20; ++i) vote.vote(address("198.51.100.1"), address("192.0.2.66"));
    EXPECT_FALSE(vote.winner());
    for (int i = 0; i < 20; ++i)
        vote.vote(address("2001:db8::" + std::to_string(i + 1)), address("192.0.2.66"));
    EXPECT_FALSE(vote.winner());
    for (int i = 0; i < 20; ++i)
        vote.vote(address("2001:db8:" + std::to_string(i) + "::1"), address("192.0.2.66"));
    EXPECT_TRUE(vote.winner());
}

TEST(AddressVote, ForgetsTheOldest) {
    AddressVote vote;
    for (std::size_t i = 0; i < AddressVote::kMaxVotes; ++i)
        vote.vote(address("10.0.0." + std::to_string(i + 1)), address("203.0.113.1"));
    for (std::size_t i = 0; i < AddressVote::kMaxVotes; ++i)
        vote.vote(address("10.0.1." + std::to_string(i + 1)), address("203.0.113.2"));
    EXPECT_EQ(vote.winner(), address("203.0.113.2"));
}

}  // namespace
}  // namespace btfs
