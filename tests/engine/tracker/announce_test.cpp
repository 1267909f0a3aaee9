#include "engine/tracker/announce.hpp"

#include <gtest/gtest.h>

namespace btfs::tracker {
namespace {

/// The peers that are left of those that a tracker at `address` names.
std::string peers_named_by(const char* address, std::initializer_list<const char*> peers) {
    AnnounceReply reply;
    for (const char* peer : peers) reply.peers.push_back(*Endpoint::parse(peer));
    const std::size_t dropped = reply.set_tracker(*Address::parse(address));
    EXPECT_EQ(reply.tracker, Address::parse(address));
    EXPECT_EQ(dropped + reply.peers.size(), peers.size());
    std::string left;
    for (const Endpoint& peer : reply.peers) left += peer.text() + ' ';
    return left;
}

TEST(AnnounceReply, OfAPublicTrackerPeersOfOurOwnNetworkAreDropped) {
    EXPECT_EQ(peers_named_by("8.8.8.8", {"9.9.9.9:1", "192.168.1.1:80", "10.0.0.1:2", "127.0.0.1:3",
                                         "169.254.0.1:4", "100.64.0.1:5", "9.9.9.8:6"}),
              "9.9.9.9:1 9.9.9.8:6 ");
    EXPECT_EQ(peers_named_by("2001:4860::1", {"[2001:4860::2]:1", "[fe80::1]:2", "[fc00::1]:3", "[::1]:4"}),
              "[2001:4860::2]:1 ");
}

TEST(AnnounceReply, ATrackerOfOurOwnNetworkMayNameItsPeers) {
    EXPECT_EQ(peers_named_by("192.168.1.1", {"192.168.1.2:1", "10.0.0.1:2", "9.9.9.9:3", "127.0.0.1:4"}),
              "192.168.1.2:1 10.0.0.1:2 9.9.9.9:3 ");
    EXPECT_EQ(peers_named_by("127.0.0.1", {"127.0.0.1:1", "192.168.1.2:2", "9.9.9.9:3"}),
              "127.0.0.1:1 192.168.1.2:2 9.9.9.9:3 ");
}

}  // namespace
}  // namespace btfs::tracker
