#include "engine/filter/filter_line.hpp"

#include <gtest/gtest.h>

#include <string>

namespace btfs {
namespace {

std::string text_of(const IpFilter::V6& address) {
    Bytes raw;
    ByteWriter(raw).u64(address.high).u64(address.low);
    return Address::from_bytes(raw)->text();
}
std::string text_of(std::uint32_t address) {
    Bytes raw;
    ByteWriter(raw).u32(address);
    return Address::from_bytes(raw)->text();
}

/// "FIRST-LAST", "none", "allowed" or "unreadable".
std::string read(std::string_view line) {
    const FilterLine parsed = parse_filter_line(line);
    if (const auto* v4 = std::get_if<IpFilter::V4Range>(&parsed))
        return text_of(v4->first) + '-' + text_of(v4->last);
    if (const auto* v6 = std::get_if<IpFilter::V6Range>(&parsed))
        return text_of(v6->first) + '-' + text_of(v6->last);
    if (std::holds_alternative<NoEntry>(parsed)) return "none";
    return std::holds_alternative<AllowedRange>(parsed) ? "allowed" : "unreadable";
}

TEST(FilterLine, LinesOfEmulesDat) {
    EXPECT_EQ(read("001.002.003.000 - 001.002.003.255 , 000 , Some-name, Inc: x"), "1.2.3.0-1.2.3.255");
    EXPECT_EQ(read("010.020.030.040-010.020.030.050,127,name\r"), "10.20.30.40-10.20.30.50");
    EXPECT_EQ(read("1.2.3.0 - 1.2.3.255"), "1.2.3.0-1.2.3.255");
    EXPECT_EQ(read("1.2.3.0 - 1.2.3.255 , a name without a level"), "1.2.3.0-1.2.3.255");
    EXPECT_EQ(read("1.2.3.0 - 1.2.3.255 , , name"), "1.2.3.0-1.2.3.255");
    EXPECT_EQ(read("2001:db8:: - 2001:db8::ffff , 100 , name"), "2001:db8::-2001:db8::ffff");
    EXPECT_EQ(read("000.000.000.000 - 255.255.255.255 , 000 , all"), "0.0.0.0-255.255.255.255");
}

TEST(FilterLine, ALevelOf128OrMoreAllows) {
    EXPECT_EQ(read("1.2.3.0 - 1.2.3.255 , 128 , friend"), "allowed");
    EXPECT_EQ(read("1.2.3.0 - 1.2.3.255 , 200 , friend"), "allowed");
    EXPECT_EQ(read("1.2.3.0 - 1.2.3.255,999"), "allowed");
}

TEST(FilterLine, LinesOfPeerGuardiansP2p) {
    EXPECT_EQ(read("name:1.2.3.0-1.2.3.255"), "1.2.3.0-1.2.3.255");
    EXPECT_EQ(read("Evil - Corp: http://x.example/:1.2.3.0-1.2.3.255"), "1.2.3.0-1.2.3.255");
    EXPECT_EQ(read(":1.2.3.4-1.2.3.4"), "1.2.3.4-1.2.3.4");
    EXPECT_EQ(read("10.0.0.1:1.2.3.4-1.2.3.9"), "1.2.3.4-1.2.3.9");
    EXPECT_EQ(read("1.2.3.4 - 1.2.3.9, once: 5.6.7.8 - 5.6.7.9"), "1.2.3.4-1.2.3.9");  // as a .dat line
    EXPECT_EQ(read("some name:2001:db8::1-2001:db8::2"), "2001:db8::1-2001:db8::2");
    EXPECT_EQ(read("some: name:::1-::2"), "::1-::2");
    EXPECT_EQ(read("x:::ffff:1.2.3.0-::ffff:1.2.3.9"), "1.2.3.0-1.2.3.9");
}

TEST(FilterLine, OfSeveralReadingsTheNarrowestCounts) {
    EXPECT_EQ(read("abc:2001:db8::1-2001:db8::2"), "2001:db8::1-2001:db8::2");
    EXPECT_EQ(read("1:2001:db8::1-2001:db8::2"), "2001:db8::1-2001:db8::2");
    EXPECT_EQ(read("2001:db8::1-2001:db8::2"), "2001:db8::1-2001:db8::2");
    EXPECT_EQ(read("1:0::1-1:0::5"), "1::1-1::5");
}

TEST(FilterLine, NetworksAndAddresses) {
    EXPECT_EQ(read("1.2.3.4"), "1.2.3.4-1.2.3.4");
    EXPECT_EQ(read("1.2.3.77/24"), "1.2.3.0-1.2.3.255");
    EXPECT_EQ(read("1.2.3.4/32"), "1.2.3.4-1.2.3.4");
    EXPECT_EQ(read("1.2.3.4/0"), "0.0.0.0-255.255.255.255");
    EXPECT_EQ(read("1.10.16.0/20 ; SBL256894"), "1.10.16.0-1.10.31.255");
    EXPECT_EQ(read("  1.2.3.4  # a neighbour"), "1.2.3.4-1.2.3.4");
    EXPECT_EQ(read("1.2.3.4//x"), "1.2.3.4-1.2.3.4");
    EXPECT_EQ(read("2001:db8::7"), "2001:db8::7-2001:db8::7");
    EXPECT_EQ(read("2001:db8::/32"), "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
    EXPECT_EQ(read("2001:db8::/96"), "2001:db8::-2001:db8::ffff:ffff");
    EXPECT_EQ(read("::/0"), "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    EXPECT_EQ(read("::1/128"), "::1-::1");
    EXPECT_EQ(read("::ffff:1.2.3.4"), "1.2.3.4-1.2.3.4");
    EXPECT_EQ(read("::ffff:1.2.3.4/120"), "1.2.3.0-1.2.3.255");
    EXPECT_EQ(read("::ffff:0:0/96"), "0.0.0.0-255.255.255.255");
}

TEST(FilterLine, CommentsAndEmptyLinesAreNoEntries) {
    for (const char* line : {"", " \t\r", "# 1.2.3.4", "; x", "// 1.2.3.4", "   # x"})
        EXPECT_EQ(read(line), "none") << line;
}

TEST(FilterLine, JunkIsUnreadable) {
    for (const char* line : {"hello",
                             "-",
                             ":",
                             "1.2.3",
                             "1.2.3.4.5",
                             "1.2.3.256",
                             "1.2.3.0004",
                             "1.2.3.4/33",
                             "1.2.3.4/",
                             "1.2.3.4/x",
                             "::/129",
                             "1.2.3.4 evil.example",
                             "1.2.3.9-1.2.3.4",
                             "1.2.3.4-::5",
                             "1.2.3.4 -",
                             "1.2.3.4-1.2.3.9 x",
                             "name:1.2.3.9-1.2.3.4",
                             "name:1.2.3.4",
                             "name:1.2.3.4-",
                             "12345::-1",
                             "1.2.3.4-1.2.3.9:6881",
                             "1.2.3.-4",
                             "1:2:3:4:5:6:7:8:9",
                             "\x01\xff\xfe\x02",
                             "1.2.3.4abc"})
        EXPECT_EQ(read(line), "unreadable") << line;
    EXPECT_EQ(read(std::string_view("1.2.3.4\0", 8)), "unreadable");
}

}  // namespace
}  // namespace btfs
