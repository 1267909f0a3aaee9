#include "engine/core/hash.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

// Examples of FIPS 180.
TEST(Hash, KnownAnswers) {
    EXPECT_EQ(sha1(as_bytes("")).hex(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    EXPECT_EQ(sha1(as_bytes("abc")).hex(), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(sha256(as_bytes("abc")).hex(),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256(as_bytes("")).hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha1(as_bytes(std::string(1'000'000, 'a'))).hex(), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Hash, FeedingInPartsIsTheSameAndFinishStartsAnew) {
    Sha1 hasher;
    for (int round = 0; round < 2; ++round) {
        hasher.update(as_bytes("a"));
        hasher.update(as_bytes("bc"));
        EXPECT_EQ(hasher.finish(), sha1(as_bytes("abc")));
    }
}

TEST(Digest, HexGoesBothWays) {
    const Sha1Digest digest = sha1(as_bytes("x"));
    EXPECT_EQ(Sha1Digest::from_hex(digest.hex()), digest);
    EXPECT_EQ(Sha1Digest::from_hex("DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"), sha1({}));
    EXPECT_FALSE(Sha1Digest::from_hex("da39"));
    EXPECT_FALSE(Sha1Digest::from_hex(std::string(40, 'g')));
}

}  // namespace
}  // namespace btfs
