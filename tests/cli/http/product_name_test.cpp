#include "cli/http/product_name.hpp"

#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

TEST(ProductName, IsThatOfTheFirstProduct) {
    EXPECT_EQ(product_name("VLC/3.0.18 LibVLC/3.0.18"), "VLC");
    EXPECT_EQ(product_name("Lavf/59.27.100"), "Lavf");
    EXPECT_EQ(product_name("libmpv"), "libmpv");
    EXPECT_EQ(product_name("Kodi/20.2 (X11; Linux x86_64)"), "Kodi");
    for (const char* nothing : {"", " VLC", "/1", "(x)"}) EXPECT_EQ(product_name(nothing), "") << nothing;
}

TEST(ProductName, OfABrowserIsItsOwn) {
    const std::string chrome =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
        "Safari/537.36";
    EXPECT_EQ(product_name(chrome), "Chrome");
    EXPECT_EQ(product_name(chrome + " Edg/120.0"), "Edge");
    EXPECT_EQ(product_name("Mozilla/5.0 (X11; rv:120.0) Gecko/20100101 Firefox/120.0"), "Firefox");
    EXPECT_EQ(product_name("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/17.1 Safari/605.1.15"),
              "Safari");
    EXPECT_EQ(product_name("Mozilla/5.0"), "Mozilla");
}

TEST(ProductName, HasNothingThatAScreenOrAPageTakesForMore) {
    EXPECT_EQ(product_name("a\x1b[31m"), "a");
    EXPECT_EQ(product_name("<img>"), "");
    EXPECT_EQ(product_name("a\xff"), "a");
    EXPECT_EQ(product_name(std::string(5000, 'x')).size(), kLongestProductName);
}

}  // namespace
}  // namespace btfs::cli
