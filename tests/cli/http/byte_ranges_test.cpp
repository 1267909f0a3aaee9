#include "cli/http/byte_ranges.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

using Kind = RequestedRanges::Kind;
using testing::ElementsAre;

TEST(ByteRanges, FirstToLastOpenEndedAndSuffixRangesAreParsed) {
    EXPECT_THAT(parse_ranges("bytes=0-99", 1000).parts, ElementsAre(ByteRange{0, 100}));
    EXPECT_THAT(parse_ranges("bytes=900-", 1000).parts, ElementsAre(ByteRange{900, 1000}));
    EXPECT_THAT(parse_ranges("bytes=-100", 1000).parts, ElementsAre(ByteRange{900, 1000}));
    EXPECT_THAT(parse_ranges("Bytes= 0-0 , 5-5,-1 ", 1000).parts,
                ElementsAre(ByteRange{0, 1}, ByteRange{5, 6}, ByteRange{999, 1000}));
}

TEST(ByteRanges, AnEndPastTheFileIsCut) {
    EXPECT_THAT(parse_ranges("bytes=990-5000", 1000).parts, ElementsAre(ByteRange{990, 1000}));
    EXPECT_THAT(parse_ranges("bytes=-5000", 1000).parts, ElementsAre(ByteRange{0, 1000}));
    EXPECT_THAT(parse_ranges("bytes=990-99999999999999999999999", 1000).parts,
                ElementsAre(ByteRange{990, 1000}));
    EXPECT_THAT(parse_ranges("bytes=0-18446744073709551615", 1000).parts, ElementsAre(ByteRange{0, 1000}));
}

TEST(ByteRanges, NothingOfTheFileIsUnsatisfiable) {
    EXPECT_EQ(parse_ranges("bytes=1000-", 1000).kind, Kind::unsatisfiable);
    EXPECT_EQ(parse_ranges("bytes=99999999999999999999999-", 1000).kind, Kind::unsatisfiable);
    EXPECT_EQ(parse_ranges("bytes=-0", 1000).kind, Kind::unsatisfiable);
    EXPECT_EQ(parse_ranges("bytes=0-", 0).kind, Kind::unsatisfiable);
    EXPECT_THAT(parse_ranges("bytes=2000-,1-1", 1000).parts, ElementsAre(ByteRange{1, 2}));
}

TEST(ByteRanges, WhatIsNotUnderstoodIsIgnored) {
    for (const char* header : {"", "bytes", "bytes=", "bytes=,", "lines=0-1", "bytes=5-4", "bytes=a-b",
                               "bytes=1", "bytes=--1", "bytes=1-2-3", "bytes=1 - 2", "bytes=0-1;5"})
        EXPECT_EQ(parse_ranges(header, 1000).kind, Kind::whole) << header;
}

TEST(ByteRanges, ASmallRequestBringsNoLargeAnswer) {
    EXPECT_EQ(parse_ranges("bytes=0-,0-", 1000).kind, Kind::whole);
    std::string many = "bytes=0-0";
    for (std::size_t count = 1; count < kMaxRangeParts; ++count) many += ",0-0";
    EXPECT_EQ(parse_ranges(many, 1000).parts.size(), kMaxRangeParts);
    EXPECT_EQ(parse_ranges(many + ",0-0", 1000).kind, Kind::whole);
}

TEST(ByteRanges, ContentRangeNamesFirstAndLastByteAndSize) {
    EXPECT_EQ(content_range({0, 100}, 1000), "bytes 0-99/1000");
    EXPECT_EQ(unsatisfied_range(1000), "bytes */1000");
}

}  // namespace
}  // namespace btfs::cli
