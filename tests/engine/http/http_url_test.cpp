#include "engine/http/http_url.hpp"

#include <gtest/gtest.h>

#include "engine/core/rng.hpp"

namespace btfs::http {
namespace {

using namespace std::string_literals;

TEST(EscapedUrlTest, SoundUrlsStayAsTheyAre) {
    for (const char* url :
         {"http://h.example/a/b%20c?d=e&f=%2F#g", "https://user:pw@h:8443/", "http://[2001:db8::1]:80/x",
          "../c?x", "?y", "//other/x", "/a:b@c", "", "http://h", "udp://h:80/announce", "a/b:c?d?/e"})
        EXPECT_EQ(escaped_url(url), url);
}

TEST(EscapedUrlTest, WhatMayNotStandInAUrlIsEscaped) {
    EXPECT_EQ(escaped_url("http://h/a b|c[1]"), "http://h/a%20b%7Cc%5B1%5D");
    EXPECT_EQ(escaped_url("http://h/x?k[]=a b|c\"<>\\^`{}"),
              "http://h/x?k%5B%5D=a%20b%7Cc%22%3C%3E%5C%5E%60%7B%7D");
    EXPECT_EQ(escaped_url("http://h/f\u00fcr?\u65e5"), "http://h/f%C3%BCr?%E6%97%A5");
    EXPECT_EQ(escaped_url("http://h/\xff"), "http://h/%FF");
    EXPECT_EQ(escaped_url("a b[0]?c|#d e"), "a%20b%5B0%5D?c%7C#d%20e") << "a relative reference";
    EXPECT_EQ(escaped_url("http://h/a\x01\x7f"), "http://h/a%01%7F");
}

TEST(EscapedUrlTest, APercentThatEscapesNothingIsEscaped) {
    EXPECT_EQ(escaped_url("http://h/50%"), "http://h/50%25");
    EXPECT_EQ(escaped_url("http://h/%zz%4g%a"), "http://h/%25zz%254g%25a");
    EXPECT_EQ(escaped_url("http://h/%41%zz"), "http://h/%41%25zz") << "what is escaped already stays";
}

TEST(EscapedUrlTest, BlanksAroundAndLineBreaksInsideAreRemoved) {
    EXPECT_EQ(escaped_url("  http://h/a\r\n"), "http://h/a");
    EXPECT_EQ(escaped_url("http://h/a\n\tb"), "http://h/ab");
    EXPECT_EQ(escaped_url("   "), "");
}

TEST(EscapedUrlTest, TheHostIsLeftAloneAndCredentialsAreEscaped) {
    EXPECT_EQ(escaped_url("http://us er:p@ss w|rd@h:1/"), "http://us%20er:p%40ss%20w%7Crd@h:1/");
    EXPECT_EQ(escaped_url("http://a b/"), "http://a b/");
    EXPECT_EQ(escaped_url("http://[::1]/[]"), "http://[::1]/%5B%5D");
}

TEST(EscapedUrlTest, IsAFixedPoint) {
    Rng rng(11);
    const std::string alphabet = "ab/:?#[]@|%2 \xc3\xbc.&=\\\"";
    for (int i = 0; i < 20'000; ++i) {
        std::string url = i % 2 == 0 ? "http://h" : "";
        for (std::uint64_t n = rng.below(20); n > 0; --n) url += alphabet[rng.below(alphabet.size())];
        const std::string once = escaped_url(url);
        ASSERT_EQ(escaped_url(once), once) << url;
    }
}

TEST(HttpUrlTest, TakesUrlsApartAndResolvesReferences) {
    const auto url = HttpUrl::parse("https://[2001:db8::1]:8443/a/b?c#d");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->host, "2001:db8::1");
    EXPECT_EQ(url->host_field, "[2001:db8::1]:8443");
    EXPECT_EQ(url->target, "/a/b?c");
    EXPECT_EQ(HttpUrl::parse("http://h.example?x")->target, "/?x");
    EXPECT_EQ(HttpUrl::parse("http://h.example:80/")->host_field, "h.example");
    EXPECT_EQ(url->resolved("//other.example/x")->text, "https://other.example/x");
    EXPECT_EQ(url->resolved("?y")->target, "/a/b?y");
    EXPECT_FALSE(url->resolved("ftp://x/"));
    EXPECT_FALSE(url->resolved("http://a b/"));
}

TEST(HttpUrlTest, LocationsAreEscapedAndResolved) {
    const HttpUrl url = *HttpUrl::parse("http://h.example/dir/file");
    EXPECT_EQ(url.resolved("a b|c[1].torrent")->target, "/dir/a%20b%7Cc%5B1%5D.torrent");
    EXPECT_EQ(url.resolved("/\u00fc?x=[y]")->target, "/%C3%BC?x=%5By%5D");
    EXPECT_EQ(url.resolved("../up%")->target, "/up%25");
    EXPECT_EQ(url.resolved(" http://o.example/a b ")->text, "http://o.example/a%20b");
    EXPECT_EQ(url.resolved("HTTP://O.example/x")->target, "/x");
}

TEST(HttpUrlTest, CredentialsAreKeptApartFromWhatIsShown) {
    const auto url = HttpUrl::parse("http://us%20er:p%40ss@h.example:81/a");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->text, "http://h.example:81/a");
    EXPECT_EQ(url->host_field, "h.example:81");
    EXPECT_EQ(url->credentials, "us er:p@ss");
    EXPECT_EQ(url->authorization(), "Basic dXMgZXI6cEBzcw==");
    EXPECT_EQ(HttpUrl::parse("http://Aladdin:open sesame@h/")->authorization(),
              "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        << "RFC 7617's example";
    EXPECT_EQ(HttpUrl::parse("http://user@h/")->credentials, "user:");
    EXPECT_EQ(HttpUrl::parse("http://h/")->authorization(), "");
}

TEST(HttpUrlTest, CredentialsGoToTheSameOriginOnly) {
    const HttpUrl url = *HttpUrl::parse("http://u:p@h.example/a");
    EXPECT_EQ(url.resolved("b")->credentials, "u:p");
    EXPECT_EQ(url.resolved("http://h.example:80/b")->credentials, "u:p");
    for (const char* elsewhere : {"http://other.example/", "https://h.example/", "http://h.example:81/"})
        EXPECT_EQ(url.resolved(elsewhere)->credentials, "") << elsewhere;
    EXPECT_EQ(url.resolved("http://x:y@other.example/")->credentials, "x:y");
}

TEST(HttpUrlTest, WhatIsNoHttpUrlIsRefused) {
    for (const std::string& bad :
         {""s, "h.example"s, "ftp://h/"s, "http://"s, "http:///a"s, "http://a b/"s, "http://h:99999/"s,
          "http://h:0/"s, "http://h%2fx/"s, "http://h%00x/"s, "http://f\u00fcr.example/"s, "http://[::1/"s,
          "http://h/" + std::string(HttpUrl::kMaxSize, 'a')}) {
        const auto url = HttpUrl::parse(bad);
        ASSERT_FALSE(url) << bad.substr(0, 40);
        EXPECT_EQ(url.error(), Errc::http_bad_url);
    }
}

TEST(WithoutCredentialsTest, NoPasswordIsShown) {
    EXPECT_EQ(without_credentials("http://u:p@h/a@b"), "http://h/a@b");
    EXPECT_EQ(without_credentials("udp://u:p@q@h:1"), "udp://h:1");
    EXPECT_EQ(without_credentials("u:p@h/x"), "h/x");
    EXPECT_EQ(without_credentials("http://bad host:x@y z"), "http://y z");
    EXPECT_EQ(without_credentials("http://h/?m=a@b"), "http://h/?m=a@b");
    EXPECT_EQ(without_credentials(""), "");
}

}  // namespace
}  // namespace btfs::http
