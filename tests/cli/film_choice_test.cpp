#include "cli/film_choice.hpp"

#include <gmock/gmock.h>

namespace btfs::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> paths(const std::vector<PlayableFile>& files) {
    std::vector<std::string> paths;
    for (const PlayableFile& file : files) paths.push_back(file.path);
    return paths;
}

TEST(FilmChoice, OfAFilmWithItsSampleAndSubtitlesTheFilmIsPlayed) {
    EXPECT_THAT(paths(playable({{"Film/film.nfo", 9'000'000'000},
                                {"Film/Film.MKV", 4'000'000'000},
                                {"Film/sample.mkv", 40'000'000},
                                {"Film/subs/en.srt", 90'000}})),
                ElementsAre("Film/Film.MKV"));
}

TEST(FilmChoice, AllEpisodesMayBeMeantInTheirOrder) {
    EXPECT_THAT(
        paths(playable({{"S/e10.mkv", 800}, {"S/e9.mkv", 900}, {"S/E1.mkv", 700}, {"S/e002.mkv", 700}})),
        ElementsAre("S/E1.mkv", "S/e002.mkv", "S/e9.mkv", "S/e10.mkv"));
}

TEST(FilmChoice, WithoutFilmsItIsMusicAndWithoutThatTheLargestFile) {
    EXPECT_THAT(paths(playable({{"a/cover.jpg", 900}, {"a/2.flac", 50}, {"a/1.flac", 5}})),
                ElementsAre("a/1.flac", "a/2.flac"));
    EXPECT_THAT(paths(playable({{"a/readme", 5}, {"a/image.iso", 50}})), ElementsAre("a/image.iso"));
    EXPECT_THAT(playable({}), IsEmpty());
}

TEST(FilmChoice, AFileIsNamedByItsPathItsNameOrAPartOfIt) {
    const std::vector<PlayableFile> files{
        {"s/one.mkv", 1}, {"s/extra/one.mkv", 1}, {"s/s01e02 The End.mkv", 1}};
    EXPECT_THAT(paths(named(files, "s/one.mkv")), ElementsAre("s/one.mkv"));
    EXPECT_THAT(paths(named(files, "one.mkv")), ElementsAre("s/extra/one.mkv", "s/one.mkv"));
    EXPECT_THAT(paths(named(files, "S01E02")), ElementsAre("s/s01e02 The End.mkv"));
    EXPECT_THAT(named(files, "two"), IsEmpty());
    EXPECT_THAT(paths(named({{"s/e1.mkv", 1}, {"s/e10.mkv", 1}}, "E1")), ElementsAre("s/e1.mkv"));
}

}  // namespace
}  // namespace btfs::cli
