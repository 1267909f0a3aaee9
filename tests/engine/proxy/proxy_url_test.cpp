#include "engine/proxy/proxy_url.hpp"

#include <gtest/gtest.h>

#include <string>

namespace btfs::proxy {
namespace {

TEST(ProxyUrl, HasProtocolHostPortAndCredentials) {
    const auto socks = ProxyUrl::parse("socks5://me:pa%40ss@proxy.example:1080");
    ASSERT_TRUE(socks);
    EXPECT_EQ(socks->protocol, Protocol::socks5);
    EXPECT_EQ(socks->host, "proxy.example");
    EXPECT_EQ(socks->port, 1080);
    EXPECT_EQ(socks->credentials.user, "me");
    EXPECT_EQ(socks->credentials.password, "pa@ss");

    const auto http = ProxyUrl::parse("HTTP://[::1]:3128/");
    ASSERT_TRUE(http);
    EXPECT_EQ(http->protocol, Protocol::http);
    EXPECT_EQ(http->host, "::1");
    EXPECT_TRUE(http->credentials.empty());
    EXPECT_EQ(ProxyUrl::parse("socks5h://127.0.0.1:9050")->protocol, Protocol::socks5);
}

TEST(ProxyUrl, IsShownWithoutCredentials) {
    EXPECT_EQ(ProxyUrl::parse("socks5://me:secret@proxy.example:1080")->shown(),
              "socks5://proxy.example:1080");
    EXPECT_EQ(ProxyUrl::parse("http://me:secret@[::1]:3128")->shown(), "http://[::1]:3128");
}

TEST(ProxyUrl, RefusesWhatItCannotUse) {
    const std::string long_name(256, 'a');
    for (const std::string& text :
         {std::string(), std::string("proxy.example:1080"), std::string("socks5://proxy.example"),
          std::string("socks5://proxy.example:0"), std::string("socks5://proxy.example:70000"),
          std::string("socks5://:1080"), std::string("socks4://proxy.example:1080"),
          std::string("https://proxy.example:443"), std::string("socks5://proxy.example:1080/path"),
          std::string("socks5://proxy.example:1080?a"), std::string("socks5://pro%0axy:1080"),
          std::string("socks5://:password@proxy.example:1080"),
          std::string("http://a%3Ab:password@proxy.example:1080"), "socks5://" + long_name + ":1080",
          "socks5://" + long_name + ":x@proxy.example:1080",
          "socks5://x:" + long_name + "@proxy.example:1080"})
        EXPECT_EQ(ProxyUrl::parse(text).error(), Errc::proxy_bad_url) << text;
}

}  // namespace
}  // namespace btfs::proxy
