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

constexpr std::int64_t kNow = 1'764'000'000;  // in 2025

TEST(HeaderText, DatesAreWrittenAndParsed) {
    EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow), 784111777);
    for (const char* text :
         {"", " GMT", ", GMT", "Sun, 06 Now 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET",
          "Sun, x6 Nov 1994 08:49:37 GMT", "Sunday, 06-Now-94 08:49:37 GMT",
          "Sunday, 06-Nov-1994 08:49:37 GMT", "Sunday 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 94",
          "Sun Nov  6 08:49:37 1994 GMT"})
        EXPECT_EQ(parse_http_date(text, kNow), std::nullopt) << text;
}

TEST(HeaderText, DatesOfOlderFormsAreParsed) {
    EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow), 784111777);
    EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", kNow), 784111777);
    EXPECT_EQ(parse_http_date("Sun Nov 16 08:49:37 1994", kNow), 784975777);
    const auto year_of = [](const char* date) {
        return http_date(parse_http_date(date, kNow).value()).substr(12, 4);
    };
    EXPECT_EQ(year_of("Monday, 06-Nov-74 08:49:37 GMT"), "2074") << "49 years ahead";
    EXPECT_EQ(year_of("Monday, 06-Nov-78 08:49:37 GMT"), "1978") << "53 years ahead";
}

TEST(HeaderText, PercentEncoding) {
    EXPECT_EQ(percent_encoded("a b/ü?.mkv"), "a%20b%2F%C3%BC%3F.mkv");
    EXPECT_EQ(percent_decoded("a%20b%2f%C3%BC"), "a b/ü");
    EXPECT_EQ(percent_decoded("%41"), "A");
    for (const char* text : {"%", "%4", "%zz", "a%2"}) EXPECT_EQ(percent_decoded(text), std::nullopt) << text;
}

}  // namespace
}  // namespace btfs::cli
