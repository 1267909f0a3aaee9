#include "engine/core/secret.hpp"

#include <gtest/gtest.h>

#include <array>

namespace btfs {
namespace {

TEST(Secret, HmacMatchesRfc4231) {
    EXPECT_EQ(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?")).hex(),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Secret, IsTheSameOnlyIfEachByteIs) {
    EXPECT_TRUE(is_same_secret("token", "token"));
    EXPECT_TRUE(is_same_secret("", ""));
    EXPECT_FALSE(is_same_secret("token", "Token"));
    EXPECT_FALSE(is_same_secret("token", "tokem"));
    EXPECT_FALSE(is_same_secret("token", "toke"));
    EXPECT_FALSE(is_same_secret("token", "token2"));
    EXPECT_FALSE(is_same_secret("token", ""));
    EXPECT_FALSE(is_same_secret(std::string_view("to\0en", 5), std::string_view("to\0ex", 5)));
}

TEST(Secret, TwoSecretsDiffer) {
    std::array<std::byte, 32> one{}, other{};
    fill_secret(one);
    fill_secret(other);
    EXPECT_NE(one, other);
}

}  // namespace
}  // namespace btfs
