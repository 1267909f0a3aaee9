#include "engine/metainfo/safe_path.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "engine/metainfo/utf8.hpp"
#include "tests/support/sanitized.hpp"

namespace btfs {
namespace {

using namespace std::string_literals;
using Names = std::vector<std::string_view>;

TEST(SafeName, LeavesGoodNamesAlone) {
    for (auto name :
         {"film.mkv", "...", ".hidden", "a b", "\xc3\xa9t\xc3\xa9", "\xf0\x9f\x8e\xac", "C:\\x", "-rf"}) {
        EXPECT_TRUE(is_safe_name(name)) << name;
        EXPECT_EQ(safe_name(name), name);
    }
}

TEST(SafeName, MakesHostileNamesSafe) {
    EXPECT_EQ(safe_name(""), "_");
    EXPECT_EQ(safe_name("."), "_");
    EXPECT_EQ(safe_name(".."), "__");
    EXPECT_EQ(safe_name("/etc/passwd"), "_etc_passwd");
    EXPECT_EQ(safe_name("a\0b"s), "a_b");
    EXPECT_EQ(safe_name("a\nb\x7f\x1b[0m"), "a_b__[0m");
    EXPECT_EQ(safe_name("\xff\xfe\x80 bad"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd bad");
    EXPECT_EQ(safe_name("\xc0\xae\xc0\xae"), safe_name("\xff\xff\xff\xff"));  // an overlong ".." is no dot
    EXPECT_EQ(safe_name("\xed\xa0\x80").size(), 9u);  // nor is a surrogate a character
    EXPECT_EQ(safe_name("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(SafeName, ReplacesCharactersThatChangeHowTextIsShown) {
    EXPECT_EQ(safe_name("a\u0080\u009b31mb\u009f"), "a__31mb_");  // C1: a terminal takes U+009B for ESC [
    EXPECT_EQ(safe_name("photo\u202egpj.exe"), "photo_gpj.exe");
    for (const char* control :
         {"\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e",
          "\u2066", "\u2067", "\u2068", "\u2069", "\u0085"}) {
        EXPECT_FALSE(is_safe_name("a"s + control)) << control;
        EXPECT_EQ(safe_name("a"s + control + "b"), "a_b");
    }
    for (const char* shown : {"\u00a0", "\u061b", "\u200b", "\u200d", "\u2027", "\u202f", "\u2065", "\u206a"})
        EXPECT_TRUE(is_safe_name(shown)) << "is no control of that kind";
}

TEST(SafeName, SaysWhatIsWrongWithAName) {
    EXPECT_EQ(fault_of("film.mkv"), NameFault::none);
    for (auto name : {"", ".", ".."}) EXPECT_EQ(fault_of(name), NameFault::reserved);
    EXPECT_EQ(fault_of(std::string(256, 'x')), NameFault::too_long);
    EXPECT_EQ(fault_of("a\xff"), NameFault::not_utf8);
    EXPECT_EQ(fault_of("a/b"), NameFault::slash);
    for (auto name : {"a\nb", "a\x7f", "a\u0085", "a\u2028", "a\u2029"})
        EXPECT_EQ(fault_of(name), NameFault::control);
    for (auto name : {"a\u061c", "a\u200e", "a\u200f", "photo\u202egpj.exe", "a\u202a", "a\u2066", "a\u2069"})
        EXPECT_EQ(fault_of(name), NameFault::bidirectional_control);
    EXPECT_EQ(fault_of("a\u202e\n"), NameFault::bidirectional_control) << "the first";
}

TEST(SafeName, ShortensAtACharacterAndKeepsTheExtension) {
    for (int shift = 0; shift < 4; ++shift) {
        std::string raw(static_cast<std::size_t>(shift), 'x');
        for (int i = 0; i < 200; ++i) raw += "\xe2\x82\xac";
        const std::string a = safe_name(raw + ".mkv"), b = safe_name(raw + "!.mkv");
        EXPECT_TRUE(is_safe_name(a));
        EXPECT_GT(a.size(), 250u);
        EXPECT_TRUE(a.ends_with(".mkv"));
        EXPECT_NE(a, b);  // names differ in the part that was cut off
        EXPECT_EQ(a, safe_name(raw + ".mkv"));
    }
    EXPECT_TRUE(is_safe_name(safe_name(std::string(5000, '.'))));
    EXPECT_TRUE(is_safe_name(safe_name(std::string(5000, '\xff'))));
}

TEST(SafeName, NumbersComeBeforeTheExtensionAndFit) {
    EXPECT_EQ(numbered_name("film.mkv", 2), "film (2).mkv");
    EXPECT_EQ(numbered_name(".bashrc", 3), ".bashrc (3)");
    const std::string longest = numbered_name(std::string(251, 'n') + ".mkv", ~0ULL);
    EXPECT_TRUE(is_safe_name(longest));
    EXPECT_TRUE(longest.ends_with(" (18446744073709551615).mkv"));
}

TEST(SafePaths, EveryClashEndsInADistinctName) {
    SafePaths paths("t", 16);
    EXPECT_EQ(paths.add(Names{"same"}), "t/same");
    EXPECT_EQ(paths.add(Names{"same"}), "t/same (2)");
    EXPECT_EQ(paths.add(Names{"same (2)"}), "t/same (2) (2)");
    EXPECT_EQ(paths.add(Names{"same"}), "t/same (3)");
    EXPECT_EQ(paths.add(Names{"Same"}), "t/Same");
    EXPECT_EQ(paths.add(Names{"same", "inside"}), "t/same (4)/inside");
    EXPECT_EQ(paths.add(Names{"same", "also"}), "t/same (4)/also");
    EXPECT_EQ(paths.add(Names{"d", "x"}), "t/d/x");
    EXPECT_EQ(paths.add(Names{"d"}), "t/d (2)");
    EXPECT_EQ(paths.add(Names{"a/b"}), "t/a_b");
    EXPECT_EQ(paths.add(Names{"a_b"}), "t/a_b (2)");
    EXPECT_EQ(paths.add(Names{"a_b", "f"}), "t/a_b (3)/f");
    EXPECT_EQ(paths.add(Names{"a/b", "f"}), "t/a_b (4)/f");  // another folder, although it is shown alike
    EXPECT_EQ(paths.add(Names{"", "f"}), "t/_/f");
    EXPECT_EQ(paths.add(Names{"..", "..", "up"}), "t/__/__/up");
    EXPECT_EQ(paths.find(Names{"a/b", "f"}), "t/a_b (4)/f");
    EXPECT_EQ(paths.find(Names{"a/b"}), "t/a_b (4)");
    EXPECT_EQ(paths.find(Names{"d", "x"}), "t/d/x");
    EXPECT_EQ(paths.find(Names{"d", "none", ".."}), "t/d/none/__");
    EXPECT_EQ(paths.find(Names{}), "t");
}

TEST(SafePaths, KnowsWhichNamesWereGiven) {
    SafePaths paths("t", 4);
    paths.add(Names{"d", "a/b"});
    paths.add(Names{"d", "plain"});
    for (const Names& there : {Names{}, Names{"d"}, Names{"d", "a/b"}, Names{"d", "plain"}})
        EXPECT_TRUE(paths.contains(there));
    for (const Names& none :
         {Names{"e"}, Names{"d", "b"}, Names{"plain"}, Names{"d", "plain", "x"}, Names{""}})
        EXPECT_FALSE(paths.contains(none));
    EXPECT_FALSE(paths.contains(Names(kMaxFolderDepth + 2, "d")));
}

TEST(SafePaths, DeepPathsAreFolded) {
    const Names deep(100'000, "d");
    SafePaths paths("t", 1);
    const std::string path = paths.add(deep);
    std::size_t names = 1, begin = 0;
    for (std::size_t slash; (slash = path.find('/', begin)) != std::string::npos; begin = slash + 1, ++names)
        EXPECT_TRUE(is_safe_name(path.substr(begin, slash - begin)));
    EXPECT_TRUE(is_safe_name(path.substr(begin)));
    EXPECT_EQ(names, kMaxFolderDepth + 2);
    Names other = deep;
    other.back() = "e";
    EXPECT_NE(paths.add(other), path);
}

TEST(SafePaths, HostileDuplicatesTakeLinearTime) {
    // Names that become equal when they are shortened for a number, and one name many times.
    std::vector<std::string> names;
    for (int i = 0; i < 100'000; ++i)
        names.push_back(std::string(240, 'n') + std::to_string(100'000 + i / 2));
    names.insert(names.end(), 100'000, "same.txt");
    const auto start = std::chrono::steady_clock::now();
    SafePaths paths("", names.size());
    std::set<std::string> given;
    for (const std::string& name : names) given.insert(paths.add(Names{name}));
    EXPECT_EQ(given.size(), names.size());
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20) * kSlowdown);
}

TEST(Utf8, PrefixesDoNotCutCharacters) {
    EXPECT_EQ(utf8_prefix("a\xe2\x82\xac", 3), "a");
    EXPECT_EQ(utf8_prefix("a\xe2\x82\xac", 4), "a\xe2\x82\xac");
    EXPECT_EQ(utf8_prefix("\xe2\x82\xac", 2), "");
    EXPECT_EQ(utf8_character_size("\xf4\x8f\xbf\xbf"), 4u);
    EXPECT_EQ(utf8_character_size("\xf4\x90\x80\x80"), 0u);
}

}  // namespace
}  // namespace btfs
