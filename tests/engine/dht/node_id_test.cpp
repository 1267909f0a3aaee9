#include "engine/dht/node_id.hpp"

#include <gtest/gtest.h>

#include <set>

namespace btfs::dht {
namespace {

TEST(NodeIdTest, ApprovesOfTheIdsOfBep42) {
    struct Vector {
        const char* address;
        const char* id;
    };
    for (const Vector& vector : {Vector{"124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"},
                                 {"21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"},
                                 {"65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"},
                                 {"84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"},
                                 {"43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"}}) {
        const Address address = *Address::parse(vector.address);
        NodeId id = *NodeId::from_hex(vector.id);
        EXPECT_TRUE(is_secure(id, address)) << vector.address;
        id.bytes[0] ^= std::byte{1};
        EXPECT_FALSE(is_secure(id, address)) << vector.address;
    }
}

TEST(NodeIdTest, MakesIdsThatItApprovesOf) {
    Rng rng(1);
    for (const char* text : {"192.0.2.7", "2001:db8:1:2:3:4:5:6"}) {
        const Address address = *Address::parse(text);
        std::set<std::byte> first;
        for (int i = 0; i < 200; ++i) {
            const NodeId id = secure_id(address, rng);
            EXPECT_TRUE(is_secure(id, address));
            first.insert(id.bytes[0]);
        }
        EXPECT_LE(first.size(), 8u);
        EXPECT_GE(first.size(), 5u);
    }
    EXPECT_TRUE(is_secure(random_id(rng), *Address::parse("192.168.1.1"))) << "a private network";
    EXPECT_TRUE(is_secure(random_id(rng), *Address::parse("::1")));
}

TEST(NodeIdTest, AnIdNearAnotherPartsAtTheRightBit) {
    Rng rng(2);
    for (int bits = 0; bits < 160; ++bits) {
        const NodeId id = random_id(rng);
        EXPECT_EQ(common_bits(id, random_id_near(id, bits, rng)), bits);
    }
    const NodeId id = random_id(rng);
    EXPECT_EQ(common_bits(id, id), 160);
}

TEST(NodeIdTest, DistanceIsTheXor) {
    const NodeId target = *NodeId::from_hex("8000000000000000000000000000000000000000");
    const NodeId a = *NodeId::from_hex("c000000000000000000000000000000000000000");
    const NodeId b = *NodeId::from_hex("0000000000000000000000000000000000000001");
    EXPECT_TRUE(is_nearer(a, b, target));
    EXPECT_FALSE(is_nearer(b, a, target));
    EXPECT_FALSE(is_nearer(a, a, target));
}

}  // namespace
}  // namespace btfs::dht
