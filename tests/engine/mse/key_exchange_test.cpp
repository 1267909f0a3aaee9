#include "engine/mse/key_exchange.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/core/hex.hpp"

namespace btfs::mse {
namespace {

/// Private keys 01 02 03 ... 14.
void counting(std::span<std::byte> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i + 1);
}

Key key_of(std::string_view hex) {
    Key key{};
    const Bytes bytes = *from_hex(hex);
    std::ranges::copy(bytes, key.end() - static_cast<std::ptrdiff_t>(bytes.size()));
    return key;
}

const Key kPrime = key_of(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd"
    "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563");

Key prime_less(int difference) {
    Key key = kPrime;
    key.back() = static_cast<std::byte>(std::to_integer<int>(key.back()) - difference);
    return key;
}

/// Computed with Python's pow().
TEST(KeyExchange, GivesKnownKeys) {
    const KeyExchange keys(counting);
    EXPECT_EQ(
        to_hex(keys.public_key()),
        "96e112dab29e8c5272accb9b17b26887ce54a144a4e3b697c7d159b7a817e556b0918db2b4c658e02a87f7e5fb14b18a"
        "553e084cbf3dad2d30f16596ccb982d406258c61b30c5c1dae2ddc60bdbd48d79896312aad63238c39e1a633821eb693");
    const auto secret = keys.shared_secret(key_of("80"));  // 2 ^ 7
    ASSERT_TRUE(secret);
    EXPECT_EQ(
        to_hex(*secret),
        "52442f791aed2ed4fb77bd0db3937a721f9ed7dcb3f27e908b0d755f179431ea844e309e13815b2adaa2b92f50de34a8"
        "81024fc775ded0f78bd4a66f65f1f2c61b9a1d0e487704bf14c65de28de51b3d090412d270a96490a3a6f845b23c5a1b");
}

TEST(KeyExchange, BothSidesGetOneSecretAndOthersAnother) {
    const KeyExchange a(fill_secret), b(fill_secret), c(fill_secret);
    EXPECT_NE(a.public_key(), b.public_key());
    const auto at_a = a.shared_secret(b.public_key()), at_b = b.shared_secret(a.public_key());
    ASSERT_TRUE(at_a && at_b);
    EXPECT_EQ(*at_a, *at_b);
    EXPECT_NE(*at_a, *c.shared_secret(a.public_key()));
}

TEST(KeyExchange, KeysThatGiveOneOfFewSecretsAreRefused) {
    const KeyExchange keys(fill_secret);
    Key largest;
    largest.fill(std::byte{0xff});
    for (const Key& bad : {key_of("00"), key_of("01"), prime_less(1), kPrime, largest})
        EXPECT_EQ(keys.shared_secret(bad).error(), Errc::encryption_malformed) << to_hex(bad);
    for (const Key& good : {key_of("02"), prime_less(2)})
        EXPECT_TRUE(keys.shared_secret(good)) << to_hex(good);
}

TEST(KeyExchange, AKeyOfAnotherSizeIsRefused) {
    const KeyExchange keys(fill_secret);
    EXPECT_FALSE(keys.shared_secret({}));
    EXPECT_FALSE(keys.shared_secret(ByteView(keys.public_key()).first(kKeySize - 1)));
}

}  // namespace
}  // namespace btfs::mse
