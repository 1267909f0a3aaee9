#include "cli/text/one_line.hpp"

#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

TEST(OneLine, KeepsWhatCanBePrinted) {
    const std::string text = "film [2020] \u00e4\u00f6 \u6620\u753b \U0001f3ac ~";
    EXPECT_EQ(one_line(text), text);
    EXPECT_EQ(one_line(""), "");
}

TEST(OneLine, ReplacesControlCharacters) {
    EXPECT_EQ(one_line("a\nb\r\t\x1b[2J\x7f"), "a?b???[2J?");
    EXPECT_EQ(one_line(std::string("a\0b", 3)), "a?b");
    EXPECT_EQ(one_line("\u0080\u009b31m\u0085\u00a0"), "??31m?\u00a0") << "C1; U+009B is an escape sequence";
}

TEST(OneLine, ReplacesWhatTurnsTheDirectionOfWriting) {
    EXPECT_EQ(one_line("film\u202egpj.exe"), "film?gpj.exe");
    for (const char* character : {"\u061c", "\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202d",
                                  "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"})
        EXPECT_EQ(one_line(character), "?") << character;
}

TEST(OneLine, ReplacesWhatBreaksALine) {
    EXPECT_EQ(one_line("a\u2028b\u2029c"), "a?b?c");
}

TEST(OneLine, ReplacesBytesThatAreNotUtf8) {
    EXPECT_EQ(one_line("a\xff\x80"
                       "b\xc3"),
              "a??b?");
    EXPECT_EQ(one_line("\x9b"
                       "31m"),
              "?31m")
        << "C1 of terminals that do not read UTF-8";
    EXPECT_EQ(one_line("\xed\xa0\x80"), "???") << "a surrogate";
}

TEST(OneLine, CutsAtTheEndOfACharacter) {
    EXPECT_EQ(one_line(std::string(10'000, 'x')).size(), kMaxUntrustedText);
    const std::string text = "x" + [] {
        std::string many;
        for (int i = 0; i < 400; ++i) many += "\u00e4";
        return many;
    }();
    EXPECT_EQ(one_line(text), text.substr(0, kMaxUntrustedText - 1));
}

TEST(OneLine, OfWhatIsPrintedWholeIsPrintable) {
    const std::string path(4'000, 'x');
    EXPECT_EQ(printable(path + "\u202e"), path + "?");
}

}  // namespace
}  // namespace btfs::cli
