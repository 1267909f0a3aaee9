#include "engine/metainfo/magnet.hpp"

#include <gtest/gtest.h>

#include <cctype>

namespace btfs {
namespace {

constexpr const char* kHex = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a";
constexpr const char* kBase32 = "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK";

TEST(Magnet, HexAndBase32NameTheSameTorrent) {
    const auto hex = parse_magnet(std::string("magnet:?xt=urn:btih:") + kHex);
    const auto base32 = parse_magnet(std::string("magnet:?xt=urn:btih:") + kBase32);
    ASSERT_TRUE(hex && base32);
    EXPECT_EQ(hex->identity.v1->hex(), kHex);
    EXPECT_EQ(hex->identity, base32->identity);
}

TEST(Magnet, ABareInfoHashIsEnough) {
    EXPECT_EQ(parse_magnet(kHex)->identity.v1->hex(), kHex);
    EXPECT_EQ(parse_magnet(kBase32)->identity.v1->hex(), kHex);
    EXPECT_TRUE(looks_like_magnet(kHex));
    EXPECT_TRUE(looks_like_magnet("MAGNET:?xt="));
    EXPECT_FALSE(looks_like_magnet("film.torrent"));
    EXPECT_FALSE(looks_like_magnet("http://example.org/a.torrent"));
}

TEST(Magnet, AllThatALinkMaySayIsRead) {
    const auto magnet =
        parse_magnet("magnet:?xt=urn:btih:" + std::string(kHex) +
                     "&dn=A+film%3A%20it%27s&tr=http%3A%2F%2Ft.example%2Fa%2Bb&tr.2=udp://u.example:80"
                     "&tr=udp://u.example:80&ws=http://w.example/&x.pe=192.0.2.1:6881&x.pe=[2001:db8::1]:5"
                     "&x.pe=host.example:77&so=0,2,4-7&xl=1234567890123&unknown=1&xt=urn:btmh:1220" +
                     std::string(64, 'a'));
    ASSERT_TRUE(magnet);
    EXPECT_EQ(magnet->name, "A film: it's");
    ASSERT_EQ(magnet->trackers.size(), 2u);
    EXPECT_EQ(magnet->trackers[0], std::vector<std::string>{"http://t.example/a+b"});
    EXPECT_EQ(magnet->trackers[1], std::vector<std::string>{"udp://u.example:80"});
    EXPECT_EQ(magnet->web_seeds, std::vector<std::string>{"http://w.example/"});
    const std::vector<HostPort> peers{{"192.0.2.1", 6881}, {"2001:db8::1", 5}, {"host.example", 77}};
    EXPECT_EQ(magnet->peers, peers);
    const std::vector<FileRange> selected{{0, 0}, {2, 2}, {4, 7}};
    EXPECT_EQ(magnet->selected_files, selected);
    EXPECT_EQ(magnet->size, 1234567890123u);
    EXPECT_EQ(magnet->identity.v2->hex(), std::string(64, 'a'));
}

TEST(Magnet, WithoutAUsableHashItIsRefused) {
    const std::string prefix = "magnet:?xt=urn:btih:";
    for (const std::string& bad :
         {std::string(), std::string("magnet:"), prefix, prefix + "c12f", prefix + std::string(40, 'g'),
          prefix + std::string(32, '1'), std::string("magnet:?xt=urn:btmh:1214") + std::string(64, 'a'),
          std::string("magnet:?xt=urn:btmh:1220") + std::string(63, 'a'),
          prefix + kHex + "&dn=" + std::string(kMaxMagnetSize, 'x')})
        EXPECT_EQ(parse_magnet(bad).error(), make_error_code(Errc::magnet_malformed)) << bad.substr(0, 80);
    EXPECT_EQ(parse_magnet("magnet:?dn=x").error(), make_error_code(Errc::magnet_no_hash));
    EXPECT_EQ(parse_magnet("magnet:?xt=urn:sha1:x").error(), make_error_code(Errc::magnet_no_hash));
}

TEST(Magnet, WhatIsWrongBesidesTheHashIsLeftOut) {
    const auto magnet = parse_magnet("magnet:?xt=urn:btih:" + std::string(kHex) +
                                     "&x.pe=nowhere&x.pe=a:0&x.pe=1:2:3:4&xl=-5&so=9-3,x,1-&dn=100%&tr=&=&&");
    ASSERT_TRUE(magnet);
    EXPECT_TRUE(magnet->peers.empty());
    EXPECT_TRUE(magnet->selected_files.empty());
    EXPECT_TRUE(magnet->trackers.empty());
    EXPECT_FALSE(magnet->size);
    EXPECT_EQ(magnet->name, "100%");
}

TEST(Magnet, APlusInANameIsABlankAndAnEncodedOneAPlus) {
    const auto name = [](const std::string& dn) {
        return parse_magnet("magnet:?xt=urn:btih:" + std::string(kHex) + "&dn=" + dn)->name;
    };
    EXPECT_EQ(name("C%2B%2B+Primer"), "C++ Primer");
    EXPECT_EQ(name("C%2b%2B%20Primer"), "C++ Primer");
    EXPECT_EQ(name("+a%2"), "a%2");
    EXPECT_EQ(name("%E6%97%A5%E6%9C%AC"), "\u65e5\u672c");
    EXPECT_EQ(parse_magnet("magnet:?xt=urn:btih:" + std::string(kHex) + "&tr=http://t/a+b")->trackers[0][0],
              "http://t/a+b")
        << "in the path of a URL a plus is a plus";
}

TEST(Magnet, KeysSchemesAndHashesAreReadInUpperAndLowerCase) {
    std::string base32(kBase32);
    for (char& c : base32) c = static_cast<char>(std::tolower(c));
    for (const std::string& link :
         {"MAGNET:?XT=URN:BTIH:" + std::string(kHex) + "&DN=n&TR=udp://t:1&X.PE=1.2.3.4:5",
          "magnet:?Xt=urn:btih:" + base32 + "&Dn=n&Tr.1=udp://t:1&x.Pe=1.2.3.4:5"}) {
        const auto magnet = parse_magnet(link);
        ASSERT_TRUE(magnet) << link;
        EXPECT_EQ(magnet->identity.v1->hex(), kHex);
        EXPECT_EQ(magnet->name, "n");
        EXPECT_EQ(magnet->trackers.size(), 1u);
        EXPECT_EQ(magnet->peers.size(), 1u);
    }
}

TEST(Magnet, WhatPastingLeavesAroundALinkDoesNotMatter) {
    const std::string hash(kHex);
    for (const std::string& link :
         {" \t magnet:?xt=urn:btih:" + hash + "&dn=n \r\n", "\"magnet:?xt=urn:btih:" + hash + "&dn=n\"",
          "<magnet:?xt=urn:btih:" + hash + "&dn=n>", "magnet://?xt=urn:btih:" + hash + "&dn=n",
          "magnet:?xt=urn:btih:" + hash.substr(0, 20) + "\r\n" + hash.substr(20) + "&dn=n",
          "magnet:?&amp;xt=urn:btih:" + hash + "&amp;dn=n", "magnet:?xt=urn:btih:" + hash + "/&dn=n",
          "magnet:?xt=urn:btih:" + hash + "%20&dn=n", "magnet:?xt=+&xt= urn:btih:" + hash + "& dn = n",
          "magnet:?dn=n&xt=urn:btih:" + hash + "#top", "magnet:?dn=n&xt=urn%3Abtih%3A" + hash + "\""}) {
        const auto magnet = parse_magnet(link);
        ASSERT_TRUE(magnet) << link;
        EXPECT_EQ(magnet->identity.v1->hex(), kHex) << link;
        EXPECT_EQ(magnet->name, "n") << link;
        EXPECT_TRUE(looks_like_magnet(link)) << link;
    }
    EXPECT_EQ(parse_magnet(hash + "\n")->identity.v1->hex(), kHex);
    EXPECT_TRUE(looks_like_magnet(" " + hash + "\n"));
}

TEST(Magnet, OneUsableHashIsEnough) {
    const std::string hash(kHex);
    for (const std::string& link :
         {"magnet:?xt=urn:btih:xyz&xt=urn:btih:" + hash, "magnet:?xt=urn:btih:" + hash + "&xt=urn:btmh:1214",
          "magnet:?xt=urn:ed2k:abc&xt=urn:btih:" + hash + "&xs=urn:btpk:12"}) {
        const auto magnet = parse_magnet(link);
        ASSERT_TRUE(magnet) << link;
        EXPECT_EQ(magnet->identity.v1->hex(), kHex) << link;
        EXPECT_FALSE(magnet->published);
    }
}

TEST(Magnet, ListsAreBounded) {
    std::string text = "magnet:?xt=urn:btih:" + std::string(kHex) + "&so=0";
    for (int i = 0; i < 1500; ++i) text += "," + std::to_string(i);
    for (int i = 1; i <= 600; ++i) text += "&x.pe=h:" + std::to_string(i) + "&tr=" + std::to_string(i);
    const auto magnet = parse_magnet(text);
    ASSERT_TRUE(magnet);
    EXPECT_EQ(magnet->peers.size(), kMaxMagnetPeers);
    EXPECT_EQ(magnet->selected_files.size(), kMaxMagnetRanges);
    EXPECT_EQ(magnet->trackers.size(), 500u);
}

// The tests of dht::ItemName have BEP 46's own examples.
TEST(Magnet, APublishersKeyMayStandForTheHash) {
    const std::string key = "8543d3e6115f0f98c944077a4493dcd543e49c739fd998550a1f614ab36ed63e";
    const auto plain = parse_magnet("magnet:?xs=urn:btpk:" + key);
    ASSERT_TRUE(plain);
    EXPECT_TRUE(plain->identity.empty());
    EXPECT_EQ(plain->published->key.hex(), key);
    EXPECT_EQ(plain->published->salt, "");
    EXPECT_EQ(plain->published->link(), "magnet:?xs=urn:btpk:" + key);
    const auto salted = parse_magnet("magnet:?s=00ff&xs=URN:BTPK:" + key + "&xs=http://h.example/a.torrent");
    ASSERT_TRUE(salted);
    EXPECT_EQ(salted->published->salt, std::string("\0\xff", 2));
    EXPECT_EQ(salted->published->link(), "magnet:?xs=urn:btpk:" + key + "&s=00ff");
}

TEST(Magnet, APublishersKeyOrSaltThatCannotBeIsAnError) {
    const std::string link = "magnet:?xs=urn:btpk:" + std::string(64, 'b');
    EXPECT_TRUE(parse_magnet(link + "&s=" + std::string(128, '0')));
    EXPECT_EQ(parse_magnet(link + "&s=" + std::string(130, '0')).error(), Errc::magnet_malformed);
    EXPECT_EQ(parse_magnet(link + "&s=0").error(), Errc::magnet_malformed);
    EXPECT_EQ(parse_magnet(link + "&s=xy").error(), Errc::magnet_malformed);
    EXPECT_EQ(parse_magnet(link + "b").error(), Errc::magnet_malformed);
    EXPECT_EQ(parse_magnet("magnet:?s=6e").error(), Errc::magnet_no_hash);
    EXPECT_EQ(parse_magnet("magnet:?xs=http://h.example/a.torrent").error(), Errc::magnet_no_hash);
}

}  // namespace
}  // namespace btfs
