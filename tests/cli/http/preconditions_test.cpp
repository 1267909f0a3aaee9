#include "cli/http/preconditions.hpp"

#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

const Validators kFile{.etag = R"("abc")", .modified = 784111777};
constexpr const char* kThen = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr const char* kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";

TEST(Preconditions, IfMatch) {
    EXPECT_EQ(check({.if_match = R"("x", "abc")"}, kFile), Precondition::holds);
    EXPECT_EQ(check({.if_match = "*"}, kFile), Precondition::holds);
    EXPECT_EQ(check({.if_match = R"("x")"}, kFile), Precondition::fails);
    EXPECT_EQ(check({.if_match = R"(W/"abc")"}, kFile), Precondition::fails);
}

TEST(Preconditions, IfNoneMatch) {
    EXPECT_EQ(check({.if_none_match = R"(W/"abc")"}, kFile), Precondition::not_modified);
    EXPECT_EQ(check({.if_none_match = R"("x")", .if_modified_since = kThen}, kFile), Precondition::holds);
}

TEST(Preconditions, DatesAreComparedWithTheTimeOfTheFile) {
    EXPECT_EQ(check({.if_modified_since = kThen}, kFile), Precondition::not_modified);
    EXPECT_EQ(check({.if_modified_since = kBefore}, kFile), Precondition::holds);
    EXPECT_EQ(check({.if_unmodified_since = kThen}, kFile), Precondition::holds);
    EXPECT_EQ(check({.if_unmodified_since = kBefore}, kFile), Precondition::fails);
    EXPECT_EQ(check({.if_unmodified_since = "rubbish", .if_modified_since = "rubbish"}, kFile),
              Precondition::holds);
}

TEST(Preconditions, IfRange) {
    EXPECT_TRUE(range_applies({}, kFile));
    EXPECT_TRUE(range_applies({.if_range = R"("abc")"}, kFile));
    EXPECT_TRUE(range_applies({.if_range = kThen}, kFile));
    EXPECT_FALSE(range_applies({.if_range = kBefore}, kFile));
    EXPECT_FALSE(range_applies({.if_range = R"(W/"abc")"}, kFile));
    EXPECT_FALSE(range_applies({.if_range = R"("x")"}, kFile));
}

}  // namespace
}  // namespace btfs::cli
