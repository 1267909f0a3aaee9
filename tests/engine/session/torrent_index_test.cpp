#include "engine/session/torrent_index.hpp"

#include <gtest/gtest.h>

#include "engine/mse/handshake.hpp"

namespace btfs {
namespace {

TEST(TorrentIndex, FindsATorrentByEachOfItsHashesPlainAndObfuscated) {
    const Identity v1{.v1 = sha1(as_bytes("one")), .v2 = {}};
    const Identity hybrid{.v1 = sha1(as_bytes("two")), .v2 = sha256(as_bytes("two"))};
    TorrentIndex index;
    index.add(v1, 0);
    index.add(hybrid, 1);
    const Sha1Digest v2_hash = Sha1Digest::from(hybrid.v2->view().first(Sha1Digest::kSize));
    EXPECT_EQ(index.find(*v1.v1), 0u);
    EXPECT_EQ(index.find(*hybrid.v1), 1u);
    EXPECT_EQ(index.find(v2_hash), 1u);
    for (const Sha1Digest& hash : {*v1.v1, *hybrid.v1, v2_hash}) {
        EXPECT_EQ(index.find_obfuscated(mse::obfuscated(hash)), hash);
        EXPECT_FALSE(index.find_obfuscated(hash)) << "that is not how an encrypted connection names it";
    }
    EXPECT_FALSE(index.find(sha1(as_bytes("three"))));
}

TEST(TorrentIndex, OfTwoTorrentsWithOneHashTheFirstCounts) {
    TorrentIndex index;
    const Identity name{.v1 = sha1(as_bytes("one")), .v2 = {}};
    index.add(name, 3);
    index.add(name, 4);
    EXPECT_EQ(index.find(*name.v1), 3u);
}

TEST(TorrentIndex, ARemovedTorrentIsNotFound) {
    TorrentIndex index;
    const Identity name{.v1 = sha1(as_bytes("one")), .v2 = sha256(as_bytes("one"))};
    index.add(name, 3);
    index.remove(name, 4);
    EXPECT_EQ(index.find(*name.v1), 3u) << "that was another one's handle";
    index.remove(name, 3);
    for (const Sha1Digest& hash : name.wire_hashes()) {
        EXPECT_FALSE(index.find(hash));
        EXPECT_FALSE(index.find_obfuscated(mse::obfuscated(hash)));
    }
    index.add(name, 5);
    EXPECT_EQ(index.find(*name.v1), 5u);
}

}  // namespace
}  // namespace btfs
