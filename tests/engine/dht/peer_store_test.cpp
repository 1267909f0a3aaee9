#include "engine/dht/peer_store.hpp"

#include <gtest/gtest.h>

namespace btfs::dht {
namespace {

const TimePoint kNow{1h};

NodeId hash_of(std::uint32_t n) {
    return sha1(as_bytes(std::to_string(n)));
}

Endpoint peer(std::uint32_t n) {
    Bytes raw;
    ByteWriter(raw).u32(0x08000000 + n).u16(6881);
    return *Endpoint::from_compact(raw);
}

TEST(PeerStore, OneHostHasOnlySoManyTorrents) {
    PeerStore store;
    for (std::uint32_t i = 0; i < PeerStore::kMaxTorrentsOfHost; ++i)
        EXPECT_TRUE(store.add(hash_of(i), peer(1), false, kNow));
    EXPECT_FALSE(store.add(hash_of(9999), peer(1), false, kNow));
    EXPECT_TRUE(store.add(hash_of(9999), peer(2), false, kNow));
}

TEST(PeerStore, OneTorrentHasOnlySoManyPeers) {
    PeerStore store;
    for (std::uint32_t i = 0; i < PeerStore::kMaxPeersOfTorrent; ++i)
        EXPECT_TRUE(store.add(hash_of(1), peer(i), false, kNow));
    EXPECT_FALSE(store.add(hash_of(1), peer(100'000), false, kNow));
    EXPECT_TRUE(store.add(hash_of(1), peer(7), true, kNow)) << "a known peer announces again";
    EXPECT_EQ(store.size(), PeerStore::kMaxPeersOfTorrent);
}

TEST(PeerStore, TorrentsAndPeersAreBounded) {
    PeerStore store;
    for (std::uint32_t i = 0; i < PeerStore::kMaxTorrents; ++i)
        EXPECT_TRUE(store.add(hash_of(i), peer(i), false, kNow));
    EXPECT_FALSE(store.add(hash_of(99'999), peer(1), false, kNow));
    std::uint32_t next = 100'000;
    for (std::uint32_t torrent = 0; store.size() < PeerStore::kMaxPeers; ++torrent)
        while (store.has_room(hash_of(torrent)) && store.add(hash_of(torrent), peer(next++), false, kNow)) {
        }
    EXPECT_FALSE(store.add(hash_of(1999), peer(next), false, kNow));
    store.expire(kNow + PeerStore::kLife);
    EXPECT_EQ(store.size(), 0u);
    EXPECT_TRUE(store.add(hash_of(99'999), peer(1), false, kNow + PeerStore::kLife));
}

TEST(PeerStore, FiltersCountWhatIsStoredAndForgetWhatHasGone) {
    PeerStore store;
    for (std::uint32_t i = 0; i < 100; ++i) store.add(hash_of(1), peer(i), i < 20, kNow + (i % 2) * 10min);
    EXPECT_NEAR(store.filters(hash_of(1))->first.estimate(), 20, 3);
    EXPECT_NEAR(store.filters(hash_of(1))->second.estimate(), 80, 5);
    store.expire(kNow + PeerStore::kLife);
    EXPECT_NEAR(store.filters(hash_of(1))->second.estimate(), 40, 4);
}

}  // namespace
}  // namespace btfs::dht
