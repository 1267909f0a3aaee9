#include "fs/episode_name.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "engine/core/ascii.hpp"

namespace btfs {
namespace {

using Match = EpisodeName::Match;

Match match(std::string_view current, std::string_view next) {
    return EpisodeName(current).match(next);
}

TEST(EpisodeName, TheNextEpisodeFollows) {
    EXPECT_EQ(match("Show.S01E04.1080p.mkv", "Show.S01E05.1080p.mkv"), Match::same_group);
    EXPECT_EQ(match("Show.S01E09.mkv", "show_s01e10.MKV"), Match::same_group) << "of any case and length";
    EXPECT_EQ(match("Show S1E99.mkv", "Show S01E100.mkv"), Match::same_group);
    EXPECT_EQ(match("Show 1x04.mkv", "Show 1x05.mkv"), Match::same_group);
    EXPECT_EQ(match("2 Broke Girls S01 E04.avi", "2 Broke Girls S01 E05.avi"), Match::same_group);
    EXPECT_EQ(match("[Group] Show - 04 [720p].mkv", "[Group] Show - 05 [720p].mkv"), Match::same_group);
    EXPECT_EQ(match("Show Ep4.mp4", "Show Ep5.mp4"), Match::same_group);
    EXPECT_EQ(match("Film Part 1.mkv", "Film Part 2.mkv"), Match::same_group);
    EXPECT_EQ(match("04.mkv", "05.mkv"), Match::same_group);
    EXPECT_EQ(match("24.S01E23.mkv", "24.S01E24.mkv"), Match::same_group);
}

TEST(EpisodeName, AnotherGroupIsLessThanTheSame) {
    EXPECT_EQ(match("Show.S01E04.WEB.x264-ONE.mkv", "Show.S01E05.WEB.x264-ONE.mkv"), Match::same_group);
    EXPECT_EQ(match("Show.S01E04.WEB.x264-ONE.mkv", "Show.S01E05.WEB.x264-Two2.mkv"), Match::of_other_group);
    EXPECT_EQ(match("Show.S01E04.WEB.x264.mkv", "Show.S01E05.WEB.x264-ONE.mkv"), Match::of_other_group);
    EXPECT_EQ(match("Show.S01E04-ONE.mkv", "Show.S01E05-TWO.mkv"), Match::none) << "it may be a title";
    EXPECT_EQ(match("Show - 04-ONE.mkv", "Show - 05-TWO.mkv"), Match::none);
    EXPECT_EQ(match("Show.S01E04-E05.mkv", "Show.S01E05-E06.mkv"), Match::none);
}

TEST(EpisodeName, AllElseFollowsNotAtAll) {
    EXPECT_EQ(match("Show.S01E04.mkv", "Show.S01E04.mkv"), Match::none);
    EXPECT_EQ(match("Show.S01E05.mkv", "Show.S01E04.mkv"), Match::none);
    EXPECT_EQ(match("Show.S01E04.mkv", "Show.S01E06.mkv"), Match::none);
    EXPECT_EQ(match("Show.S01E04.mkv", "Show.S02E04.mkv"), Match::none) << "of the next season";
    EXPECT_EQ(match("Show.S01E04.mkv", "Show.S02E05.mkv"), Match::none);
    EXPECT_EQ(match("Show 1x04.mkv", "Show 2x04.mkv"), Match::none);
    EXPECT_EQ(match("Show.S01E04.mkv", "Other.S01E05.mkv"), Match::none);
    EXPECT_EQ(match("Show.S01E04.mkv", "Show.S01E05.srt"), Match::none);
    EXPECT_EQ(match("Show.S01E04.720p.mkv", "Show.S01E05.1080p.mkv"), Match::none);
    EXPECT_EQ(match("Show.S01E04.x264.mkv", "Show.S01E04.x265.mkv"), Match::none);
    EXPECT_EQ(match("Show.S01E04.x264.mkv", "Show.S01E05.x265.mkv"), Match::none);
    EXPECT_EQ(match("Show.S01E04.mkv", "Show.S01E05.Extra.mkv"), Match::none);
    EXPECT_EQ(match("Show.S01E04E05.mkv", "Show.S01E05E05.mkv"), Match::same_group) << "one number differs";
}

TEST(EpisodeName, NumbersOfOtherThingsDoNotCount) {
    EXPECT_EQ(match("Film 2019.mkv", "Film 2020.mkv"), Match::none) << "years";
    EXPECT_EQ(match("Film x264.mkv", "Film x265.mkv"), Match::none);
    EXPECT_EQ(match("Film 1080p.mkv", "Film 1081p.mkv"), Match::none);
    EXPECT_EQ(match("Show 04v1.mkv", "Show 04v2.mkv"), Match::none);
    EXPECT_EQ(match("Show S01.mkv", "Show S02.mkv"), Match::none);
    EXPECT_EQ(match("Film DD 5.1.mkv", "Film DD 6.1.mkv"), Match::none);
    EXPECT_EQ(match("Film DD 5.1.mkv", "Film DD 5.2.mkv"), Match::none);
    EXPECT_EQ(match("Film 99999999999.mkv", "Film 100000000000.mkv"), Match::none) << "too long for a number";
}

TEST(EpisodeName, OddNamesAreNames) {
    for (const std::string_view name :
         {"", ".", ".mkv", "-", "s", "s1", "s1e", "1x", "s1e1", "s1e1-", "\xff\xfe", "e1"})
        for (const std::string_view other : {"", ".", ".mkv", "s1e2", "s1e2-", "1x2", "\xff", "e2"})
            EXPECT_LE(match(name, other), Match::same_group);
    EXPECT_EQ(match("s1e1", "s1e2"), Match::same_group);
}

/// Returns a name with each number replaced by '#'.
std::string without_numbers(std::string_view name) {
    std::string text;
    for (const char c : name) {
        if (c < '0' || c > '9')
            text += c == '_' || c == '.' ? ' ' : ascii_lower(c);
        else if (text.empty() || text.back() != '#')
            text += '#';
    }
    return text;
}

// Names of few letters, so that many are alike.
TEST(EpisodeName, OfRandomNamesOnlyOneFollowsTheOther) {
    const auto seed = std::random_device()();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const std::string letters = "aEsSx. -_12039";
    const auto name = [&] {
        std::string text(random() % 10, ' ');
        std::ranges::generate(text, [&] { return letters[random() % letters.size()]; });
        return text + ".mkv";
    };
    int matches = 0;
    for (int i = 0; i < 200'000; ++i) {
        const std::string one = name();
        std::string other = one;
        for (std::size_t changes = random() % 3; changes > 0 && other.size() > 4; --changes)
            other[random() % (other.size() - 4)] = letters[random() % letters.size()];
        const Match found = match(one, other);
        EXPECT_EQ(match(one, one), Match::none) << one;
        if (found == Match::none) continue;
        ++matches;
        EXPECT_EQ(match(other, one), Match::none) << one << " and " << other;
        if (found != Match::same_group) continue;
        EXPECT_EQ(without_numbers(one), without_numbers(other));
    }
    EXPECT_GT(matches, 100) << "the test tests something";
}

TEST(EpisodeName, EpisodesOfARandomSeriesFollowEachOther) {
    const auto seed = std::random_device()();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    for (int i = 0; i < 20'000; ++i) {
        const auto season = random() % 30, episode = random() % 200;
        const auto name = [&](unsigned long of_season, unsigned long of_episode) {
            return "Show " + std::to_string(random() % 1) + ".S" + std::to_string(of_season) + "E" +
                   (random() % 2 == 0 && of_episode < 10 ? "0" : "") + std::to_string(of_episode) +
                   ".1080p-GRP.mkv";
        };
        EXPECT_EQ(match(name(season, episode), name(season, episode + 1)), Match::same_group);
        EXPECT_EQ(match(name(season, episode), name(season + 1, episode)), Match::none);
        EXPECT_EQ(match(name(season, episode), name(season, episode + 2)), Match::none);
    }
}

}  // namespace
}  // namespace btfs
