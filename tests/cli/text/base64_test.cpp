#include "cli/text/base64.hpp"

#include <gtest/gtest.h>

#include "engine/core/rng.hpp"

namespace btfs::cli {
namespace {

TEST(Base64, IsAsTheStandardHasIt) {
    for (const auto& [plain, text] : std::initializer_list<std::pair<const char*, const char*>>{
             {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}}) {
        EXPECT_EQ(to_base64(as_bytes(std::string_view(plain))), text);
        const auto bytes = from_base64(text);
        ASSERT_TRUE(bytes) << text;
        EXPECT_EQ(as_text(*bytes), plain);
    }
}

TEST(Base64, LeadsBackToAnyBytes) {
    Rng rng(1);
    for (std::size_t size : {1u, 47u, 48u, 49u, 1000u, 100'000u}) {
        Bytes bytes(size);
        rng.fill(bytes);
        EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    }
}

TEST(Base64, LineBreaksAreIgnoredAndOtherTextIsRefused) {
    const auto bytes = from_base64("Zm9v\nYmFy\n");
    ASSERT_TRUE(bytes);
    EXPECT_EQ(as_text(*bytes), "foobar");
    for (const char* text : {"Zm9", "Z", "Zm9v!mFy", "Zg==Zg==", "=", "\xff\xff\xff\xff"})
        EXPECT_FALSE(from_base64(text)) << text;
}

}  // namespace
}  // namespace btfs::cli
