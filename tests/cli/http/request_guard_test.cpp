#include "cli/http/request_guard.hpp"

#include <gtest/gtest.h>

#include "cli/http/content_type.hpp"
#include "cli/http/web_address.hpp"

namespace btfs::cli {
namespace {

TEST(RequestGuard, OnlyHostsThatAreOursAreAnswered) {
    for (const char* host :
         {"127.0.0.1:9091", "[::1]:9091", "[::1]", "LocalHost", "localhost.:1", "nas:9091", "192.0.2.7"})
        EXPECT_TRUE(is_own_host(host, {"NAS"})) << host;
    for (const char* host : {"", ":9091", "evil.example", "127.0.0.1.evil.example", "[::1",
                             "nas.evil.example", "localhost@evil"})
        EXPECT_FALSE(is_own_host(host, {"NAS"})) << host;
}

TEST(RequestGuard, PagesOfOtherSites) {
    EXPECT_FALSE(is_cross_site({.host = "nas:9091"}));
    EXPECT_FALSE(
        is_cross_site({.host = "nas:9091", .origin = "http://nas:9091", .sec_fetch_site = "same-origin"}));
    EXPECT_TRUE(is_cross_site({.host = "nas:9091", .origin = "http://nas:9092"}));
    EXPECT_TRUE(is_cross_site({.host = "nas:9091", .origin = "http://evil.example"}));
    EXPECT_TRUE(is_cross_site({.host = "nas:9091", .origin = "null"}));
    EXPECT_TRUE(is_cross_site({.host = "nas:9091", .sec_fetch_site = "cross-site"}));
}

TEST(RequestGuard, AProxyOnThisMachineTellsTheScheme) {
    const Address here = *Address::parse("127.0.0.1"), elsewhere = *Address::parse("192.0.2.7");
    EXPECT_EQ(client_scheme(here, "https"), "https");
    EXPECT_EQ(client_scheme(*Address::parse("::1"), "HTTPS"), "https");
    EXPECT_EQ(client_scheme(*Address::parse("::ffff:127.0.0.1"), "https"), "https");
    EXPECT_EQ(client_scheme(elsewhere, "https"), "http");
    for (const char* forwarded : {"", "http", "javascript", "https, http", "https://evil.example/"})
        EXPECT_EQ(client_scheme(here, forwarded), "http") << forwarded;
}

TEST(RequestGuard, AProxyOnThisMachineTellsTheClient) {
    const Address here = *Address::parse("127.0.0.1"), elsewhere = *Address::parse("192.0.2.7");
    const auto client = [](const Address& from, const char* forwarded) {
        return client_address(from, forwarded).text();
    };
    EXPECT_EQ(client(here, "198.51.100.1"), "198.51.100.1");
    EXPECT_EQ(client(here, "203.0.113.9, 198.51.100.1 "), "198.51.100.1") << "what a client says comes first";
    EXPECT_EQ(client(*Address::parse("::1"), "2001:db8::1"), "2001:db8::1");
    EXPECT_EQ(client(here, "[2001:db8::1]:4711"), "2001:db8::1");
    EXPECT_EQ(client(here, "198.51.100.1:4711"), "198.51.100.1");
    EXPECT_EQ(client(elsewhere, "198.51.100.1"), "192.0.2.7") << "anybody may say so";
    for (const char* forwarded : {"", ",", "198.51.100.1,", "unknown", "_hidden"})
        EXPECT_EQ(client(here, forwarded), "127.0.0.1") << forwarded;
}

TEST(ContentType, ByTheEnding) {
    EXPECT_EQ(content_type("A Film.MKV"), "video/x-matroska");
    EXPECT_EQ(content_type("mkv"), "application/octet-stream");
    EXPECT_TRUE(is_media("a.flac"));
    EXPECT_FALSE(is_media("a.m3u"));
    EXPECT_FALSE(is_media("a.nfo"));
}

TEST(ContentType, WhatABrowserWouldRunIsPlainText) {
    for (const char* name : {"a.html", "a.HTM", "a.svg", "a.xhtml", "a.xml", "a.js"})
        EXPECT_EQ(content_type(name), "text/plain; charset=utf-8") << name;
}

TEST(WebAddress, Forms) {
    const auto text = [](const char* given) {
        const auto parsed = parse_web_address(given);
        return parsed ? parsed->text() : "none";
    };
    EXPECT_EQ(text("127.0.0.1:80"), "127.0.0.1:80");
    EXPECT_EQ(text("8080"), "127.0.0.1:8080");
    EXPECT_EQ(text("0.0.0.0"), "0.0.0.0:9091");
    EXPECT_EQ(text("::1"), "[::1]:9091");
    EXPECT_EQ(text("[::]:1"), "[::]:1");
    EXPECT_EQ(text("localhost:1"), "127.0.0.1:1");
    for (const char* given : {"", ":", "nas", "1.2.3", "1.2.3.4:", "99999", "[::1"})
        EXPECT_EQ(text(given), "none") << given;
}

}  // namespace
}  // namespace btfs::cli
