#include "engine/core/hex.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

TEST(Hex, IsReadAsItIsWritten) {
    const Bytes bytes{std::byte{0}, std::byte{0x9a}, std::byte{0xff}};
    EXPECT_EQ(to_hex(bytes), "009aff");
    EXPECT_EQ(from_hex("009aff"), bytes);
    EXPECT_EQ(from_hex("009AFF"), bytes);
    EXPECT_EQ(from_hex(""), Bytes{});
}

TEST(Hex, OtherTextIsNone) {
    for (const char* text : {"0", "009", "0g", "x0", "0x00", " 00", "0\xff"})
        EXPECT_FALSE(from_hex(text)) << text;
}

}  // namespace
}  // namespace btfs
