#include "engine/core/file_name.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

TEST(FileName, HasAnExtensionIfItsLastPartIsShort) {
    EXPECT_EQ(extension_of("film.mkv"), ".mkv");
    EXPECT_EQ(extension_of("archive.tar.gz"), ".gz");
    for (const char* name : {".bashrc", "README", "", "1. A sentence that has a dot"})
        EXPECT_EQ(extension_of(name), "") << name;
    const std::string longest = "." + std::string(15, 'x');
    EXPECT_EQ(extension_of("a" + longest), longest);
    EXPECT_EQ(extension_of("a" + longest + "x"), "");
}

TEST(FileName, GetsATagBeforeItsExtension) {
    EXPECT_EQ(with_tag("film.mkv", "(2)"), "film (2).mkv");
    EXPECT_EQ(with_tag("folder", "[ab]"), "folder [ab]");
    EXPECT_EQ(with_tag(".bashrc", "(2)"), ".bashrc (2)");
}

TEST(FileName, WithATagStillFits) {
    const std::string exact = with_tag(std::string(300, 'x') + ".mkv", "(2)");
    EXPECT_EQ(exact, std::string(255 - 4 - 4, 'x') + " (2).mkv");
    EXPECT_EQ(with_tag(std::string(300, 'x'), "(2)", 10), std::string(255 - 11, 'x') + " (2)")
        << "as long as with the longest tag";
    std::string umlauts;
    for (int i = 0; i < 200; ++i) umlauts += "\u00e4";
    const std::string cut = with_tag(umlauts, "(2)");
    EXPECT_EQ(cut.size(), 254u) << "no half character";
    EXPECT_TRUE(umlauts.starts_with(cut.substr(0, 250)));
}

}  // namespace
}  // namespace btfs
