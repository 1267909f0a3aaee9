#include "engine/core/secret.hpp"

#include <gtest/gtest.h>

#include <array>

namespace btfs {
namespace {

TEST(Secret, HmacMatchesRfc4231) {
    EXPECT_EQ(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?")).hex(),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Secret, TwoSecretsDiffer) {
    std::array<std::byte, 32> one{}, other{};
    fill_secret(one);
    fill_secret(other);
    EXPECT_NE(one, other);
}

}  // namespace
}  // namespace btfs
