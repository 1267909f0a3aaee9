#include "engine/wire/handshake.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace btfs::wire {
namespace {

TEST(Handshake, IsReadAsItWasWritten) {
    Handshake h;
    h.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = true};
    h.info_hash = sha1(as_bytes("torrent"));
    h.peer_id = make_peer_id(std::array<std::byte, 12>{});
    const auto raw = h.encode();
    const auto parsed = Handshake::parse(raw);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, h);
}

TEST(Handshake, OfAnotherProtocolIsRefused) {
    auto raw = Handshake{}.encode();
    raw[3] ^= std::byte{1};
    EXPECT_EQ(Handshake::parse(raw).error(), Errc::handshake_malformed);
}

TEST(Handshake, NamesTheClientOfAPeerId) {
    PeerId id{};
    std::ranges::copy(as_bytes("-qB4520-abcdefghijkl"), id.begin());
    EXPECT_EQ(client_tag(id), "qB4520");
    id[3] = std::byte{0};
    EXPECT_EQ(client_tag(id), "");
}

}  // namespace
}  // namespace btfs::wire
