#include "engine/core/ip_filter.hpp"

#include <gtest/gtest.h>

#include <set>

#include "engine/core/rng.hpp"

namespace btfs {
namespace {

using V4 = IpFilter::V4Range;
using V6 = IpFilter::V6Range;

Address address(const char* text) {
    return *Address::parse(text);
}
Address v4(std::uint32_t number) {
    Bytes raw;
    ByteWriter(raw).u32(number);
    return *Address::from_bytes(raw);
}

TEST(IpFilter, AnEmptyOneHoldsNoAddress) {
    const IpFilter filter;
    for (const char* text : {"0.0.0.0", "255.255.255.255", "::", "ffff::"})
        EXPECT_FALSE(filter.contains(address(text))) << text;
}

TEST(IpFilter, RangesHoldBothOfTheirEnds) {
    const IpFilter filter({{0x01020304, 0x01020306}}, {{{1, 5}, {2, 7}}});
    EXPECT_FALSE(filter.contains(address("1.2.3.3")));
    EXPECT_TRUE(filter.contains(address("1.2.3.4")) && filter.contains(address("1.2.3.6")));
    EXPECT_FALSE(filter.contains(address("1.2.3.7")));
    EXPECT_FALSE(filter.contains(address("0:0:0:1::4")));
    EXPECT_TRUE(filter.contains(address("0:0:0:1::5")) && filter.contains(address("0:0:0:2::7")));
    EXPECT_FALSE(filter.contains(address("0:0:0:2::8")));
}

TEST(IpFilter, RangesThatOverlapOrTouchAreOne) {
    const IpFilter filter({{30, 40}, {10, 20}, {15, 25}, {26, 29}, {50, 60}, {52, 53}, {62, 62}},
                          {{{0, 1}, {0, ~0ULL}}, {{1, 0}, {1, 0}}, {{1, 2}, {1, 3}}});
    ASSERT_EQ(filter.v4_range_count(), 3u);
    EXPECT_EQ(filter.v4_ranges()[0].last, 40u);
    EXPECT_EQ(filter.v4_ranges()[1].last, 60u);
    ASSERT_EQ(filter.v6_range_count(), 2u);
    EXPECT_EQ(filter.v6_ranges()[0].last, (IpFilter::V6{1, 0}));
    EXPECT_FALSE(filter.contains(v4(61)));
    EXPECT_TRUE(filter.contains(v4(62)));
}

TEST(IpFilter, TheWholeOfAFamilyIsOneRange) {
    const IpFilter filter({{0, ~0U}, {~0U, ~0U}, {5, 6}},
                          {{{0, 0}, {~0ULL, ~0ULL}}, {{~0ULL, ~0ULL}, {~0ULL, ~0ULL}}});
    EXPECT_EQ(filter.v4_range_count(), 1u);
    EXPECT_EQ(filter.v6_range_count(), 1u);
    for (const char* text : {"0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"})
        EXPECT_TRUE(filter.contains(address(text))) << text;
}

TEST(IpFilter, AnIpv4MappedAddressIsIpv4) {
    const IpFilter only_v4({{0x01020304, 0x01020304}}, {}), only_v6({}, {{{0, 0}, {~0ULL, ~0ULL}}});
    EXPECT_TRUE(only_v4.contains(address("::ffff:1.2.3.4")));
    EXPECT_FALSE(only_v6.contains(address("::ffff:1.2.3.4")));
}

TEST(IpFilter, HoldsWhatItsRangesHoldWhateverTheirOrder) {
    Rng rng(7);
    for (int round = 0; round < 200; ++round) {
        std::vector<V4> ranges;
        std::set<std::uint32_t> held;
        for (int i = 0; i < 12; ++i) {
            const auto first = static_cast<std::uint32_t>(rng.below(120));
            const auto last = first + static_cast<std::uint32_t>(rng.below(10));
            ranges.push_back({first, last});
            for (std::uint32_t a = first; a <= last; ++a) held.insert(a);
        }
        const IpFilter filter(ranges, {});
        for (std::uint32_t a = 0; a < 140; ++a)
            ASSERT_EQ(filter.contains(v4(a)), held.contains(a)) << round << ' ' << a;
    }
}

}  // namespace
}  // namespace btfs
