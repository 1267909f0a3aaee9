#include "engine/http/reply_parser.hpp"

#include <gtest/gtest.h>

namespace btfs::http {
namespace {

using namespace std::string_literals;

struct Read {
    Error error;
    unsigned status = 0;
    std::string body;
    bool done = false;
};

/// Feeds `text` in parts of `step` bytes and then, if the reply is not complete, the connection's end.
Read read(const std::string& text, const ReplyParser::Limits& limits = {},
          std::size_t step = std::string::npos) {
    ReplyParser parser(limits);
    Read result;
    for (std::string_view rest = text; !rest.empty() && !result.error && !parser.done();) {
        result.error = parser.feed(rest.substr(0, step));
        rest.remove_prefix(std::min(step, rest.size()));
    }
    if (!result.error && !parser.done()) result.error = parser.feed_end();
    result.status = parser.status();
    result.done = parser.done();
    result.body = parser.take_body();
    return result;
}

/// Returns the body or the error, and checks that it is the same however the bytes are cut.
std::string body_of(const std::string& text) {
    const Read whole = read(text);
    for (const std::size_t step : {1, 2, 3, 7}) {
        const Read parts = read(text, {}, step);
        EXPECT_EQ(parts.error, whole.error) << text;
        EXPECT_EQ(parts.body, whole.body) << text;
    }
    return whole.error ? "error: " + whole.error.message() : whole.body;
}

const std::string kMalformed = "error: " + Error(Errc::http_malformed).message();
const std::string kTooLarge = "error: " + Error(Errc::http_too_large).message();
const std::string kClosed = "error: " + Error(Errc::connection_closed).message();

TEST(ReplyParserTest, AStatusLineOfFourBytesIsMalformed) {
    EXPECT_EQ(body_of("ICY \n\n"), kMalformed);
    EXPECT_EQ(body_of("ICY 200\n\nbody"), "body");
}

TEST(ReplyParserTest, ReadsBodiesOfEachKind) {
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), "hello");
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more"), "hello");
    EXPECT_EQ(body_of("HTTP/1.0 200 OK\r\n\r\nto the end"), "to the end");
    EXPECT_EQ(body_of("HTTP/1.1 404 No\r\nTransfer-Encoding: "
                      "Chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"),
              "abcde");
    EXPECT_EQ(body_of("HTTP/1.1 204 No Content\r\n\r\nnot a body"), "");
    EXPECT_EQ(body_of("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"), "");
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "");
}

TEST(ReplyParserTest, KnowsStatusAndFields) {
    ReplyParser parser({});
    EXPECT_FALSE(parser.feed("HTTP/1.1 302 Found\r\nLOCATION:\t/a:b \r\nX: 1\r\n folded\r\nX: 2\r\n"));
    EXPECT_FALSE(parser.header_done());
    EXPECT_FALSE(parser.feed("Content-Length: 3\r\n\r\n"));
    EXPECT_TRUE(parser.header_done());
    EXPECT_FALSE(parser.done());
    EXPECT_EQ(parser.status(), 302u);
    EXPECT_EQ(parser.field("location"), "/a:b");
    EXPECT_EQ(parser.field("x"), "1 folded") << "the first one counts";
    EXPECT_FALSE(parser.field("y"));
}

TEST(ReplyParserTest, AStatusLineNeedsNoReason) {
    for (const char* line : {"HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.0 200 \xff", "http/1.1 200 OK",
                             "HTTP/2 200", "HTTP/1.1  200  OK", "ICY 200 OK", "HTTP/1.1 200OK"})
        EXPECT_EQ(body_of(line + "\r\nContent-Length: 2\r\n\r\nhi"s), "hi") << line;
}

TEST(ReplyParserTest, InterimRepliesComeFirst) {
    EXPECT_EQ(
        body_of(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 99\r\nLink: x\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        "hi");
    EXPECT_EQ(body_of("HTTP/1.1 101 Switching Protocols\r\n\r\nx"), kMalformed);
    EXPECT_EQ(body_of("HTTP/1.1 100 Continue\r\n\r\n"), kClosed);
}

TEST(ReplyParserTest, LinesMayEndWithLfAlone) {
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\nContent-Length: 2\n\nhi"), "hi");
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nhi"), "hi");
    EXPECT_EQ(body_of("HTTP/1.1 200\nTransfer-Encoding: chunked\n\n2\nhi\n0\n\n"), "hi");
    EXPECT_EQ(body_of("\r\n\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), "hi");
}

TEST(ReplyParserTest, OddFieldsDoNotMatter) {
    const std::string head = "HTTP/1.1 200 OK\r\n", end = "Content-Length: 2\r\n\r\nhi";
    for (const char* odd :
         {"no colon here\r\n", ": no name\r\n", " folded into nothing\r\n", "Sp ace: x\r\n",
          "X\xff: \x01\r\n", "Content-Length: abc\r\n", "Content-Length: -5\r\n", "Content-Length:\r\n",
          "Content-Length: 2\r\n", "Transfer-Encoding: identity\r\n", "Transfer-Encoding:\r\n"})
        EXPECT_EQ(body_of(head + odd + end), "hi") << odd;
    EXPECT_EQ(body_of(head + "Content-Length : 2\r\n\r\nhi, more"), "hi");
    EXPECT_EQ(body_of(head + "Content-Length: x\r\n\r\nto the end"), "to the end");
    EXPECT_EQ(body_of(head + "Content-Length: 3\r\n" + end), kMalformed) << "which of them?";
}

TEST(ReplyParserTest, TheEndBehindTheLastChunkMayBeMissing) {
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(body_of(head + "2\r\nhi\r\n0\r\n"), "hi");
    EXPECT_EQ(body_of(head + "2 \r\nhi\r\n000\r\nTrailer: x\r\n"), "hi");
    EXPECT_EQ(body_of(head + "2\r\nhi\r\n"), kClosed);
    EXPECT_EQ(body_of(head + "2\r\nh"), kClosed);
}

TEST(ReplyParserTest, WhatIsNoReplyIsMalformed) {
    for (const char* bad : {"\x16\x03\x01 what is this\r\n\r\n", "<html>\n", "HTTP/1.1\r\n",
                            "HTTP/1.1 20\r\n", "HTTP/1.1 2000\r\n", "HTTP/1.1 abc OK\r\n",
                            "HTTP/1.1 099 x\r\n", "HTTP/1.1 -20 x\r\n", "d8:intervali60ee\n"})
        EXPECT_EQ(body_of(bad), kMalformed) << bad;
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const char* bad : {"x\r\n", "\r\n", "-1\r\n", "2\r\nhiX\r\n", "2 3\r\n"})
        EXPECT_EQ(body_of(chunked + bad), kMalformed) << bad;
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), kMalformed);
}

TEST(ReplyParserTest, AReplyThatEndsTooEarlyIsTold) {
    const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(read(whole.substr(0, size)).error, Errc::connection_closed) << size;
}

TEST(ReplyParserTest, LimitsHold) {
    const ReplyParser::Limits limits{.max_header_size = 200, .max_body_size = 100};
    const auto error = [&](const std::string& text) {
        EXPECT_EQ(read(text, limits, 1).error, read(text, limits).error);
        return read(text, limits).error;
    };
    const std::string head = "HTTP/1.1 200 OK\r\n", chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
    const std::string hundred(100, 'x');
    EXPECT_FALSE(error(head + "Content-Length: 100\r\n\r\n" + hundred));
    EXPECT_FALSE(error(head + "\r\n" + hundred));
    EXPECT_FALSE(error(chunked + "64\r\n" + hundred + "\r\n0\r\n\r\n"));
    for (const std::string& large :
         {head + "Content-Length: 101\r\n\r\n", head + "\r\n" + hundred + "x",
          head + "Content-Length: 18446744073709551615\r\n\r\n",
          head + "Content-Length: 99999999999999999999999\r\n\r\n",
          chunked + "64\r\n" + hundred + "\r\n1\r\n", chunked + "ffffffffffffffff\r\n",
          chunked + std::string(100, 'f') + "\r\n", chunked + "0\r\n" + hundred + hundred,
          chunked + "1;" + hundred + hundred + "\r\n", std::string(300, 'x'),
          head + "A: " + hundred + hundred, "\r\n" + std::string(300, '\n')})
        EXPECT_EQ(error(large), Errc::http_too_large) << large.substr(0, 60);
    std::string interim;
    for (int i = 0; i < 20; ++i) interim += "HTTP/1.1 100 Go on\r\n\r\n";
    EXPECT_EQ(error(interim), Errc::http_too_large) << "interim replies without end";
    std::string many;
    for (int i = 0; i < 100; ++i) many += "1\r\nx\r\n";
    EXPECT_FALSE(error(chunked + many + "0\r\n\r\n")) << "many small chunks are no header";
}

}  // namespace
}  // namespace btfs::http
