#include "engine/swarm/smart_ban.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

const PieceIndex kPiece(3);
const Address kHonest = *Address::parse("192.0.2.1"), kLiar = *Address::parse("192.0.2.2");
Sha1Digest digest(const char* text) {
    return sha1(as_bytes(text));
}

TEST(SmartBan, ConvictsTheSendersOfBlocksThatDiffer) {
    SmartBan ban;
    ban.on_failed(kPiece, {{0, digest("good 0"), kHonest}, {1, digest("bad"), kLiar}});
    EXPECT_TRUE(ban.knows(kPiece));
    const Sha1Digest good[] = {digest("good 0"), digest("good 1")};
    EXPECT_EQ(ban.on_verified(kPiece, good), std::set<Address>{kLiar});
    EXPECT_FALSE(ban.knows(kPiece));
}

TEST(SmartBan, RemembersEveryAttempt) {
    SmartBan ban;
    ban.on_failed(kPiece, {{0, digest("bad"), kLiar}});
    ban.on_failed(kPiece, {{0, digest("good"), kHonest}});
    EXPECT_EQ(ban.failures(kPiece), 2u);
    const Sha1Digest good[] = {digest("good")};
    EXPECT_EQ(ban.on_verified(kPiece, good), std::set<Address>{kLiar});
}

TEST(SmartBan, ASuspicionEndsWithTheVerifiedPiece) {
    SmartBan ban;
    ban.suspect(kPiece, kHonest);
    EXPECT_TRUE(ban.is_suspect(kPiece, kHonest));
    EXPECT_FALSE(ban.is_suspect(PieceIndex(4), kHonest));
    ban.on_verified(kPiece, {});
    EXPECT_FALSE(ban.is_suspect(kPiece, kHonest));
}

TEST(SmartBan, IsBounded) {
    SmartBan ban;
    for (std::uint32_t piece = 0; piece < 2 * SmartBan::kMaxPieces; ++piece)
        ban.on_failed(PieceIndex(piece), {{0, digest("bad"), kLiar}});
    EXPECT_EQ(ban.evidence(), SmartBan::kMaxPieces);
    EXPECT_FALSE(ban.knows(PieceIndex(0))) << "the oldest failures are forgotten";
    EXPECT_TRUE(ban.knows(PieceIndex(2 * SmartBan::kMaxPieces - 1)));

    std::vector<SmartBan::Evidence> many;
    for (std::uint32_t block = 0; block < SmartBan::kMaxEvidence + 100; ++block)
        many.push_back({block, digest("bad"), kLiar});
    ban.on_failed(kPiece, many);
    EXPECT_EQ(ban.evidence(), SmartBan::kMaxEvidence);
    EXPECT_TRUE(ban.knows(kPiece));
}

}  // namespace
}  // namespace btfs
