#include "fs/inode_numbers.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace btfs {
namespace {

TEST(InodeNumbers, FollowFromTheHash) {
    InodeNumbers one, two;
    for (std::uint64_t hash : {std::uint64_t{1} << 40, std::uint64_t{99999}, ~std::uint64_t{7}})
        EXPECT_EQ(one.claim(hash), two.claim(hash));
}

TEST(InodeNumbers, FitASigned64BitNumber) {
    InodeNumbers numbers;
    EXPECT_EQ(numbers.claim(~std::uint64_t{0}), ~std::uint64_t{0} >> 1);
    EXPECT_EQ(numbers.claim(std::uint64_t{1} << 63 | 12345), 12345u);
}

TEST(InodeNumbers, AreDistinctAndNotTheMountsOwnThoughTheHashesAreTheSame) {
    for (InodeWidth width : {InodeWidth::bits63, InodeWidth::bits32}) {
        InodeNumbers numbers(width);
        std::set<std::uint64_t> given;
        for (int i = 0; i < 100; ++i) {
            for (std::uint64_t hash : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}})
                given.insert(numbers.claim(hash));
        }
        EXPECT_EQ(given.size(), 300u);
        EXPECT_GE(*given.begin(), InodeNumbers::kFirst);
    }
}

TEST(InodeNumbers, OfThirtyTwoBitsAreDistinctInALargeMount) {
    InodeNumbers numbers(InodeWidth::bits32);
    std::mt19937_64 random(7);
    std::set<std::uint64_t> given;
    constexpr std::size_t kNodes = 300'000;  // some ten of them collide
    for (std::size_t i = 0; i < kNodes; ++i) given.insert(numbers.claim(random()));
    EXPECT_EQ(given.size(), kNodes);
    EXPECT_LT(*given.rbegin(), std::uint64_t{1} << 32);
}

TEST(InodeNumbers, WhatWasReleasedIsGivenAgainAndTheOthersStayTaken) {
    InodeNumbers numbers(InodeWidth::bits32);
    std::mt19937_64 random(7);
    std::set<std::uint64_t> taken;
    for (int i = 0; i < 20'000; ++i) taken.insert(numbers.claim(random() % 60'000));  // many of them collide
    std::uint64_t released = 0;
    for (const std::uint64_t number : std::set(taken)) {
        if (number % 3 != 0) continue;
        released = number;
        numbers.release(number);
        numbers.release(number);  // which is free by now
        taken.erase(number);
    }
    EXPECT_EQ(numbers.claim(released), released);
    taken.insert(released);
    for (const std::uint64_t number : std::set(taken))
        EXPECT_TRUE(taken.insert(numbers.claim(number)).second) << "a number that is taken was given again";
}

}  // namespace
}  // namespace btfs
