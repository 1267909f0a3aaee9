#include "engine/core/bytes.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

TEST(Bytes, WritesAndReadsBigEndian) {
    Bytes out;
    ByteWriter(out).u8(1).u16(0x0203).u32(0x04050607).u64(0x08090a0b0c0d0e0f).text("hi");
    ASSERT_EQ(out.size(), 17u);
    for (std::size_t i = 0; i < 15; ++i) EXPECT_EQ(std::to_integer<std::size_t>(out[i]), i + 1);
    ByteReader in(out);
    EXPECT_EQ(in.u8(), 1);
    EXPECT_EQ(in.u16(), 0x0203);
    EXPECT_EQ(in.u32(), 0x04050607u);
    EXPECT_EQ(in.u64(), 0x08090a0b0c0d0e0fu);
    EXPECT_EQ(as_text(in.take(2)), "hi");
    EXPECT_TRUE(in.finished());
}

TEST(ByteReader, ReadingPastTheEndGivesZerosAndIsRemembered) {
    const Bytes three(3, std::byte{0xff});
    ByteReader in(three);
    EXPECT_EQ(in.u32(), 0u);
    EXPECT_FALSE(in.ok());
    EXPECT_EQ(in.u8(), 0);
    EXPECT_TRUE(in.rest().empty());
    EXPECT_FALSE(in.finished());
}

TEST(ByteReader, UnreadBytesAreNotFinished) {
    const Bytes two(2);
    ByteReader in(two);
    in.u8();
    EXPECT_TRUE(in.ok());
    EXPECT_FALSE(in.finished());
}

}  // namespace
}  // namespace btfs
