#include "cli/http/header_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

using testing::ElementsAre;

TEST(HeaderText, ListsArePartedAtCommas) {
    EXPECT_THAT(list_items(R"( a ,, "b,c" ,d)"), ElementsAre("a", R"("b,c")", "d"));
    EXPECT_THAT(list_items(""), ElementsAre());
}

TEST(HeaderText, Dates) {
    EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    for (const char* text : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Now 1994 08:49:37 GMT",
                             "Sun, 06 Nov 1994 08:49:37 CET", "Sun, x6 Nov 1994 08:49:37 GMT"})
        EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
}

TEST(HeaderText, PercentEncoding) {
    EXPECT_EQ(percent_encoded("a b/ü?.mkv"), "a%20b%2F%C3%BC%3F.mkv");
    EXPECT_EQ(percent_decoded("a%20b%2f%C3%BC"), "a b/ü");
    EXPECT_EQ(percent_decoded("%41"), "A");
    for (const char* text : {"%", "%4", "%zz", "a%2"}) EXPECT_EQ(percent_decoded(text), std::nullopt) << text;
}

}  // namespace
}  // namespace btfs::cli
