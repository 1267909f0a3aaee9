#include "cli/http/request_target.hpp"

#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

TEST(RequestTarget, APathIsItselfWithoutItsQuery) {
    EXPECT_EQ(split_target("/a/b?c=/d").path, "/a/b");
    EXPECT_EQ(split_target("/a/b?c=/d").host, "");
    EXPECT_EQ(split_target("*").path, "*");
    EXPECT_EQ(split_target("").path, "");
    EXPECT_EQ(split_target("//host/x").host, "") << "a path that begins with two slashes";
}

TEST(RequestTarget, TheAbsoluteFormHasItsHost) {
    EXPECT_EQ(split_target("http://nas:9091/a?b").host, "nas:9091");
    EXPECT_EQ(split_target("http://nas:9091/a?b").path, "/a");
    EXPECT_EQ(split_target("HTTPS://[::1]/a").host, "[::1]");
    for (const char* root : {"http://nas", "http://nas?x", "http://nas/"}) {
        EXPECT_EQ(split_target(root).host, "nas") << root;
        EXPECT_EQ(split_target(root).path, "/") << root;
    }
    EXPECT_EQ(split_target("ftp://nas/a").path, "ftp://nas/a");
}

}  // namespace
}  // namespace btfs::cli
