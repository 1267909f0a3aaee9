#include "engine/webseed/reply.hpp"

#include <gtest/gtest.h>

namespace btfs::webseed {
namespace {

using Kind = Verdict::Kind;

constexpr ByteRange kAsked{100, 200};
constexpr std::uint64_t kSize = 1000;

Verdict judged(unsigned status, std::optional<std::string_view> range = {},
               std::optional<std::uint64_t> body = {}) {
    return judge({.status = status, .content_range = range, .body_size = body}, kAsked, kSize);
}

TEST(WebSeedReply, ARangeAsAskedIsTheBody) {
    const Verdict verdict = judged(206, "bytes 100-199/1000", 100);
    EXPECT_EQ(verdict.kind, Kind::body);
    EXPECT_EQ(verdict.in_file, kAsked);
    EXPECT_EQ(judged(206, "bytes 100-199/*").kind, Kind::body);
}

TEST(WebSeedReply, AShorterRangeWillDo) {
    EXPECT_EQ(judged(206, "bytes 100-149/1000", 50).in_file, (ByteRange{100, 150}));
}

TEST(WebSeedReply, AnotherRangeIsBad) {
    EXPECT_EQ(judged(206, "bytes 0-99/1000").kind, Kind::bad);
    EXPECT_EQ(judged(206, "bytes 100-200/1000").kind, Kind::bad);
    EXPECT_EQ(judged(206, "bytes 101-199/1000").kind, Kind::bad);
    EXPECT_EQ(judged(206).kind, Kind::bad);
    EXPECT_EQ(judged(206, "bytes 100-199/1000", 99).kind, Kind::bad);
    EXPECT_EQ(judged(206, "chapters 100-199/1000").kind, Kind::bad);
}

TEST(WebSeedReply, AFileOfAnotherSizeIsBad) {
    EXPECT_EQ(judged(206, "bytes 100-199/1001").kind, Kind::bad);
    EXPECT_EQ(judged(200, {}, 999).kind, Kind::bad);
    EXPECT_EQ(judged(416).kind, Kind::bad);
}

TEST(WebSeedReply, AWholeFileBeginsAtItsStart) {
    EXPECT_EQ(judged(200, {}, 1000).kind, Kind::whole);
    EXPECT_EQ(judged(200).in_file, (ByteRange{0, 1000}));
}

TEST(WebSeedReply, CompressedIsBad) {
    EXPECT_EQ(judge({.status = 206, .content_range = "bytes 100-199/1000", .content_encoding = "gzip"},
                    kAsked, kSize)
                  .kind,
              Kind::bad);
    EXPECT_EQ(judge({.status = 200, .content_encoding = "identity"}, kAsked, kSize).kind, Kind::whole);
}

TEST(WebSeedReply, AFailingServerIsAskedLaterAsItSays) {
    EXPECT_EQ(judged(503).kind, Kind::later);
    EXPECT_EQ(judged(429).kind, Kind::later);
    EXPECT_EQ(judged(404).kind, Kind::bad);
    EXPECT_EQ(judge({.status = 503, .retry_after = " 7 "}, kAsked, kSize).retry_after, Duration(7s));
    EXPECT_EQ(judge({.status = 503, .retry_after = "Fri, 27 Nov 2026"}, kAsked, kSize).retry_after,
              std::nullopt);
}

TEST(WebSeedReply, ContentRangesThatCannotBeAreNone) {
    for (const char* text : {"", "bytes", "bytes 5", "bytes 5-", "bytes 5-4/10", "bytes 0-9/9", "bytes */10",
                             "bytes 0-18446744073709551615/*", "bytes 0-9/10x", "bytes -1-9/10"})
        EXPECT_FALSE(parse_content_range(text)) << text;
    EXPECT_EQ(parse_content_range("Bytes=0-9/10")->in_file, (ByteRange{0, 10}));
}

}  // namespace
}  // namespace btfs::webseed
