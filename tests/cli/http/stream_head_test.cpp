#include "cli/http/stream_head.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

using testing::ElementsAre;

const StreamedFile kFilm{
    .name = "A Film.mkv", .size = 1000, .validators = {.etag = R"("abc")", .modified = 784111777}};

std::string header(const StreamHead& head, const std::string& name) {
    for (const auto& [each, value] : head.headers)
        if (each == name) return value;
    return "none";
}

std::vector<ByteRange> ranges(const StreamHead& head) {
    std::vector<ByteRange> found;
    for (const auto& part : head.body)
        if (const auto* range = std::get_if<ByteRange>(&part)) found.push_back(*range);
    return found;
}

TEST(StreamHead, TheWholeFile) {
    const StreamHead head = stream_head({}, kFilm);
    EXPECT_EQ(head.status, 200U);
    EXPECT_EQ(head.length, 1000U);
    EXPECT_THAT(ranges(head), ElementsAre(ByteRange{0, 1000}));
    EXPECT_EQ(header(head, "Accept-Ranges"), "bytes");
    EXPECT_EQ(header(head, "ETag"), R"("abc")");
    EXPECT_EQ(header(head, "Content-Type"), "video/x-matroska");
    EXPECT_EQ(header(head, "Content-Disposition"), "inline; filename*=UTF-8''A%20Film.mkv");
    EXPECT_EQ(header(head, "Access-Control-Allow-Origin"), "*");
    EXPECT_EQ(header(head, "Content-Security-Policy"), "sandbox");
    EXPECT_EQ(header(head, "transferMode.dlna.org"), "none");
}

TEST(StreamHead, AnEmptyFile) {
    const StreamHead head = stream_head({}, {.name = "a", .size = 0, .validators = kFilm.validators});
    EXPECT_EQ(head.status, 200U);
    EXPECT_EQ(head.length, 0U);
    EXPECT_TRUE(head.body.empty());
}

TEST(StreamHead, OneRange) {
    const StreamHead head = stream_head({.range = "bytes=900-"}, kFilm);
    EXPECT_EQ(head.status, 206U);
    EXPECT_EQ(header(head, "Content-Range"), "bytes 900-999/1000");
    EXPECT_EQ(head.length, 100U);
}

TEST(StreamHead, SeveralRanges) {
    const StreamHead head = stream_head({.range = "bytes=0-0,-1"}, kFilm);
    EXPECT_EQ(head.status, 206U);
    EXPECT_EQ(header(head, "Content-Type"), "multipart/byteranges; boundary=btfsabc");
    std::string body;
    for (const auto& part : head.body) {
        const auto* text = std::get_if<std::string>(&part);
        body += text ? *text : "*";
    }
    EXPECT_EQ(body,
              "\r\n--btfsabc\r\nContent-Type: video/x-matroska\r\nContent-Range: bytes 0-0/1000\r\n\r\n*"
              "\r\n--btfsabc\r\nContent-Type: video/x-matroska\r\nContent-Range: bytes 999-999/1000\r\n\r\n*"
              "\r\n--btfsabc--\r\n");
    EXPECT_EQ(head.length, body.size());
}

TEST(StreamHead, ARangeMeansNothingToAHead) {
    for (const char* range : {"bytes=900-", "bytes=1000-", "bytes=0-0,-1"}) {
        const StreamHead head = stream_head({.range = range, .is_get = false}, kFilm);
        EXPECT_EQ(head.status, 200U) << range;
        EXPECT_EQ(head.length, 1000U);
        EXPECT_EQ(header(head, "Content-Range"), "none");
        EXPECT_EQ(header(head, "Accept-Ranges"), "bytes");
    }
}

TEST(StreamHead, NothingOfTheFile) {
    const StreamHead head = stream_head({.range = "bytes=1000-"}, kFilm);
    EXPECT_EQ(head.status, 416U);
    EXPECT_EQ(header(head, "Content-Range"), "bytes */1000");
    EXPECT_EQ(head.length, 0U);
}

TEST(StreamHead, ARangeOfAnotherVersionIsIgnored) {
    EXPECT_EQ(stream_head({.range = "bytes=0-0", .conditions = {.if_range = R"("x")"}}, kFilm).status, 200U);
    EXPECT_EQ(stream_head({.range = "bytes=0-0", .conditions = {.if_range = R"("abc")"}}, kFilm).status,
              206U);
}

TEST(StreamHead, ConditionsComeFirst) {
    const StreamHead failed =
        stream_head({.range = "bytes=1000-", .conditions = {.if_match = R"("x")"}}, kFilm);
    EXPECT_EQ(failed.status, 412U);
    EXPECT_EQ(failed.length, 0U);
    const StreamHead known = stream_head({.conditions = {.if_none_match = R"("abc")"}}, kFilm);
    EXPECT_EQ(known.status, 304U);
    EXPECT_EQ(header(known, "ETag"), R"("abc")");
}

TEST(StreamHead, WhatTelevisionsAskFor) {
    const StreamHead head = stream_head({.transfer_mode = "Streaming", .content_features = "1"}, kFilm);
    EXPECT_EQ(header(head, "transferMode.dlna.org"), "Streaming");
    EXPECT_THAT(header(head, "contentFeatures.dlna.org"), testing::HasSubstr("DLNA.ORG_OP=01"));
    EXPECT_EQ(header(stream_head({.transfer_mode = "a\r\nb: c"}, kFilm), "transferMode.dlna.org"), "none");
}

}  // namespace
}  // namespace btfs::cli
