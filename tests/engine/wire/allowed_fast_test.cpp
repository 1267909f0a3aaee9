#include "engine/wire/allowed_fast.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace btfs::wire {
namespace {

TEST(AllowedFast, IsBep6sExample) {
    Sha1Digest info_hash;
    info_hash.bytes.fill(std::byte{0xaa});
    const auto set = allowed_fast_set(*Address::parse("80.4.4.200"), info_hash, 1313, 9);
    std::vector<std::uint32_t> indices;
    for (PieceIndex piece : set) indices.push_back(piece.value());
    EXPECT_EQ(indices, (std::vector<std::uint32_t>{1059, 431, 808, 1217, 287, 376, 1188, 353, 508}));
}

TEST(AllowedFast, OfASmallTorrentIsAllItsPieces) {
    EXPECT_EQ(allowed_fast_set(*Address::parse("192.0.2.1"), {}, 3).size(), 3u);
}

TEST(AllowedFast, IsNotDefinedForIpv6) {
    EXPECT_TRUE(allowed_fast_set(*Address::parse("2001:db8::1"), {}, 100).empty());
}

}  // namespace
}  // namespace btfs::wire
