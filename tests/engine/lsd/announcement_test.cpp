#include "engine/lsd/announcement.hpp"

#include <gtest/gtest.h>

namespace btfs::lsd {
namespace {

const std::string kHex = "0123456789abcdef0123456789abcdef01234567";

Sha1Digest numbered(std::size_t n) {
    return sha1(as_bytes(std::to_string(n)));
}

TEST(LsdAnnouncement, IsAsBep14WritesIt) {
    const Announcement announcement{6881, {*Sha1Digest::from_hex(kHex)}, "1a2b3c4d"};
    EXPECT_EQ(as_text(announcement.encode(AddressFamily::v4)),
              "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\nInfohash: " + kHex +
                  "\r\ncookie: 1a2b3c4d\r\n\r\n\r\n");
    EXPECT_NE(as_text(announcement.encode(AddressFamily::v6)).find("Host: [ff15::efc0:988f]:6771\r\n"),
              std::string::npos);
    for (AddressFamily family : {AddressFamily::v4, AddressFamily::v6})
        EXPECT_EQ(Announcement::parse(announcement.encode(family)), announcement);
}

TEST(LsdAnnouncement, TheLargestFitsItsDatagram) {
    Announcement announcement{65535, {}, "12345678"};
    for (std::size_t i = 0; i < Announcement::kMaxInfoHashes; ++i)
        announcement.info_hashes.push_back(numbered(i));
    const Bytes datagram = announcement.encode(AddressFamily::v6);
    EXPECT_LE(datagram.size(), Announcement::kMaxSize);
    EXPECT_EQ(Announcement::parse(datagram), announcement);
}

TEST(LsdAnnouncement, IsReadHoweverItsHeadersAreWritten) {
    const std::string hex(40, 'A');
    const auto read =
        Announcement::parse(as_bytes("BT-SEARCH * HTTP/1.1\nPORT:6882\nX-Other: x\nnonsense\ninfohash: \t" +
                                     hex + " \nInfohash: " + kHex + "\nInfohash: too short\n"));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->port, 6882);
    EXPECT_EQ(read->info_hashes, (std::vector{*Sha1Digest::from_hex(hex), *Sha1Digest::from_hex(kHex)}));
    EXPECT_TRUE(read->cookie.empty());
}

TEST(LsdAnnouncement, MoreThanADatagramShouldHoldIsNotRead) {
    std::string text = "BT-SEARCH * HTTP/1.1\r\nPort: 1\r\ncookie: " + std::string(500, 'c') + "\r\n";
    for (std::size_t i = 0; i < 100; ++i) text += "Infohash: " + numbered(i).hex() + "\r\n";
    const auto read = Announcement::parse(as_bytes(text));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->info_hashes.size(), Announcement::kMaxInfoHashes);
    EXPECT_EQ(read->cookie.size(), Announcement::kMaxCookie);
}

TEST(LsdAnnouncement, WhatSaysNothingUsefulIsIgnored) {
    const std::string begin = "BT-SEARCH * HTTP/1.1\r\n", hash = "Infohash: " + kHex + "\r\n";
    for (const std::string& text :
         {std::string(), std::string("\r\n"), begin, begin + hash, begin + "Port: 6881\r\n",
          begin + "Port: 0\r\n" + hash, begin + "Port: 65536\r\n" + hash, begin + "Port: 68x\r\n" + hash,
          begin + "Port: -1\r\n" + hash, begin + "Port: 6881\r\n\r\n" + hash,
          "M-SEARCH * HTTP/1.1\r\nPort: 6881\r\n" + hash, "GET / HTTP/1.1\r\nPort: 6881\r\n" + hash})
        EXPECT_FALSE(Announcement::parse(as_bytes(text))) << text;
    EXPECT_TRUE(Announcement::parse(as_bytes(begin + "Port: 6881\r\n" + hash)));
}

}  // namespace
}  // namespace btfs::lsd
