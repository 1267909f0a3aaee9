#include "engine/wire/pex_message.hpp"

#include <gtest/gtest.h>

#include <string>

namespace btfs::wire {
namespace {

Endpoint at(const char* text) {
    return *Endpoint::parse(text);
}

PexMessage parsed(const std::string& payload) {
    const auto message = PexMessage::parse(as_bytes(payload));
    EXPECT_TRUE(message) << message.error().message();
    return message ? *message : PexMessage{};
}

TEST(PexMessage, IsAsBep11WritesIt) {
    PexMessage message;
    message.added = {{at("49.50.51.52:13622"), kPexSeed | kPexReachable}};
    message.dropped = {at("97.98.99.100:25958")};
    EXPECT_EQ(as_text(message.encode()),
              "d5:added6:1234567:added.f1:\x12"
              "7:dropped6:abcdefe");
    EXPECT_EQ(parsed("d5:added6:1234567:added.f1:\x12"
                     "7:dropped6:abcdefe"),
              message);
}

TEST(PexMessage, BothFamiliesAreReadBack) {
    PexMessage message;
    message.added = {{at("192.0.2.1:1"), 0}, {at("192.0.2.2:2"), 0xff}, {at("[2001:db8::1]:3"), kPexSeed}};
    message.dropped = {at("192.0.2.3:4"), at("[2001:db8::2]:5"), at("[2001:db8::3]:6")};
    EXPECT_EQ(parsed(std::string(as_text(message.encode()))), message);
}

TEST(PexMessage, WithoutPeersIsEmpty) {
    EXPECT_TRUE(parsed("de").empty());
    EXPECT_TRUE(parsed("d5:added0:7:added.f0:e").empty());
    EXPECT_EQ(as_text(PexMessage{}.encode()), "de");
}

// Messages as clients send them: without flags, with too few or too many, with lists that end inside an
// entry, with values of the wrong type, with bytes behind the end.
TEST(PexMessage, IsReadAsFarAsItCanBeUnderstood) {
    EXPECT_EQ(parsed("d5:added12:123456abcdefe").added,
              (std::vector<PexPeer>{{at("49.50.51.52:13622"), 0}, {at("97.98.99.100:25958"), 0}}));
    EXPECT_EQ(parsed("d5:added12:123456abcdef7:added.f1:\x02"
                     "e")
                  .added[1]
                  .flags,
              0);
    EXPECT_EQ(parsed("d5:added6:1234567:added.f3:\x02\x03\x04"
                     "e")
                  .added[0]
                  .flags,
              2);
    EXPECT_EQ(parsed("d5:added11:123456abcde6:added619:1234567890123456789e").added.size(), 2u);
    EXPECT_EQ(parsed("d5:added5:12345e").added.size(), 0u);
    EXPECT_TRUE(parsed("d5:addedi7e7:droppedlee").empty());
    EXPECT_EQ(parsed("d7:dropped6:123456e and more").dropped.size(), 1u);
}

TEST(PexMessage, LongListsAreCutOff) {
    const std::string many(6 * 1000, 'x'), many6(18 * 1000, 'x');
    const PexMessage message = parsed("d5:added6000:" + many + "6:added618000:" + many6 +
                                      "7:dropped6000:" + many + "8:dropped618000:" + many6 + "e");
    EXPECT_EQ(message.added.size(), 2 * PexMessage::kMaxEntries);
    EXPECT_EQ(message.dropped.size(), 2 * PexMessage::kMaxEntries);
}

TEST(PexMessage, WhatIsNoDictionaryIsRefused) {
    for (const char* bad : {"", "x", "le", "i7e", "5:added", "d5:added6:12345", "d5:added"})
        EXPECT_EQ(PexMessage::parse(as_bytes(bad)).error(), make_error_code(Errc::message_malformed)) << bad;
}

}  // namespace
}  // namespace btfs::wire
