#include "engine/tracker/public_url.hpp"

#include <gtest/gtest.h>

namespace btfs::tracker {
namespace {

TEST(PublicUrl, IsSchemeHostAndPort) {
    EXPECT_EQ(public_url("http://tracker.example:80/passkey/announce?x"), "http://tracker.example:80");
    EXPECT_EQ(public_url("http://tracker.example?passkey=x"), "http://tracker.example");
    EXPECT_EQ(public_url("http://tracker.example#passkey"), "http://tracker.example");
    EXPECT_EQ(public_url("udp://[::1]:6969"), "udp://[::1]:6969");
    EXPECT_EQ(public_url("tracker.example:80/passkey"), "tracker.example:80");
    EXPECT_EQ(public_url(""), "");
}

TEST(PublicUrl, HasNoPassword) {
    EXPECT_EQ(public_url("https://user:secret@tracker.example/announce"), "https://tracker.example");
    EXPECT_EQ(public_url("https://user:se@cret@tracker.example:1"), "https://tracker.example:1");
    EXPECT_EQ(public_url("http://tracker.example/a@b"), "http://tracker.example");
}

}  // namespace
}  // namespace btfs::tracker
