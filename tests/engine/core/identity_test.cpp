#include "engine/core/identity.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

const Sha1Digest kV1 = sha1(as_bytes("v1"));
const Sha256Digest kV2 = sha256(as_bytes("v2"));
const Sha1Digest kTruncated = Sha1Digest::from(kV2.view().first(20));

TEST(Identity, V1NamesAHybridButBothAnswer) {
    const Identity hybrid{kV1, kV2};
    EXPECT_EQ(hybrid.wire_hash(), kV1);
    EXPECT_EQ(hybrid.cache_key(), kV1.hex());
    EXPECT_TRUE(hybrid.answers_to(kV1));
    EXPECT_TRUE(hybrid.answers_to(kTruncated));
    EXPECT_FALSE(hybrid.answers_to(sha1(as_bytes("other"))));
}

TEST(Identity, V2AloneIsTruncatedOnTheWire) {
    const Identity v2{{}, kV2};
    EXPECT_EQ(v2.wire_hash(), kTruncated);
    EXPECT_EQ(v2.cache_key(), kV2.hex());
    EXPECT_FALSE(v2.answers_to(kV1));
    EXPECT_FALSE((Identity{kV1, {}}.answers_to(kTruncated)));
}

}  // namespace
}  // namespace btfs
