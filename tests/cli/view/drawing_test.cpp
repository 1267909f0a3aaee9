#include "cli/view/drawing.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <clocale>

#include "cli/view/piece_bar.hpp"

namespace btfs::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct DrawingTest : ::testing::Test {
    DrawingTest() { EXPECT_TRUE(std::setlocale(LC_CTYPE, "C.UTF-8")); }

    std::string draw(int width = 80, int height = 24) {
        const Panes panes =
            plan_panes(width, height, view.mount().readers.size(), view.mount().torrents.size());
        view.fit(panes);
        const Grid grid = draw_view(view, panes);
        EXPECT_EQ(grid.width(), width);
        EXPECT_EQ(grid.height(), height);
        std::string text;
        for (int y = 0; y < height; ++y) {
            EXPECT_LE(column_count(grid.line(y)), width) << grid.line(y);
            text += grid.line(y) + '\n';
        }
        return text;
    }
    static MountState film() {
        MountState mount;
        mount.version = "9.9";
        mount.port = 6881;
        mount.age = 4000;
        mount.peers = 3;
        mount.down = 3 << 20;
        mount.cache = MountState::Cache{512 << 20, 1 << 30};
        mount.torrents = {{.name = "film.mkv",
                           .info_hash = "aa",
                           .state = "ready",
                           .error = "",
                           .size = 1 << 30,
                           .had = 1 << 28,
                           .peers = 3,
                           .seeds = 2,
                           .down = 3 << 20}};
        mount.readers = {{.path = "film.mkv",
                          .process = "mpv",
                          .why = "asked of 3 peers",
                          .pid = 4242,
                          .size = 1 << 30,
                          .rate = 1 << 20,
                          .waiting = 1,
                          .position = 1 << 28,
                          .window_end = (1 << 28) + (8 << 20),
                          .waited = 2.5}};
        return mount;
    }
    static DetailsState details() {
        DetailsState state{.info_hash = "aa", .name = "film.mkv", .error = "", .known_peers = 12};
        state.peers = {
            {.endpoint = "192.0.2.7:6881", .client = "Other 1.0", .flags = {"interesting", "utp"}}};
        state.peers[0].down = 2 << 20;
        state.peers[0].round_trip = 0.05;
        state.files = {{.path = "film.mkv", .size = 1 << 30, .had = 1 << 28, .pinned = true}};
        state.trackers = {{.url = "http://t.example", .message = "", .working = true, .seeds = 40}};
        state.piece_count = 100;
        state.piece_length = 1 << 20;
        state.pieces_had = 25;
        state.map = std::string(25, '#') + "-" + std::string(74, '.');
        state.availability = std::string(100, '2');
        return state;
    }

    ViewState view;
};

TEST_F(DrawingTest, AnOrdinaryTerminalShowsAllThatMatters) {
    view.take(film());
    view.take(details());
    const std::string text = draw();
    EXPECT_THAT(text,
                AllOf(HasSubstr("btfs 9.9"), HasSubstr("1 torrent "), HasSubstr("3 peers"),
                      HasSubstr("port 6881"), HasSubstr("3.0 MiB/s"), HasSubstr("512.0 MiB of 1.0 GiB")));
    EXPECT_THAT(text, AllOf(HasSubstr("mpv 4242"), HasSubstr("2.5 s: asked of 3 pee"), HasSubstr("8.0M")));
    EXPECT_THAT(text, AllOf(HasSubstr("film.mkv"), HasSubstr("25%"), HasSubstr("fetching")));
    EXPECT_THAT(text, AllOf(HasSubstr("25 of 100 pieces of 1.0 MiB, the rarest missing at 2 peers"),
                            HasSubstr("192.0.2.7:6881"), HasSubstr("Other 1.0"), HasSubstr("50 ms"),
                            HasSubstr("DP"), HasSubstr("████")));
    EXPECT_THAT(text, AllOf(HasSubstr("F1Help"), HasSubstr("F9Remove"), HasSubstr("F10Quit")));
    view.press({Key::right}, plan_panes(80, 24, 1, 1));
    EXPECT_THAT(draw(), HasSubstr("pinned"));
    view.press({Key::right}, plan_panes(80, 24, 1, 1));
    EXPECT_THAT(draw(), AllOf(HasSubstr("http://t.example"), HasSubstr("working"), HasSubstr("40")));
}

TEST_F(DrawingTest, AReaderOverHttpIsShownByItsProgramAndAddress) {
    MountState mount = film();
    mount.readers[0].process = "VLC";
    mount.readers[0].client = "192.0.2.7";
    mount.readers[0].pid = 0;
    view.take(mount);
    EXPECT_THAT(draw(200, 50), HasSubstr("VLC 192.0.2.7"));
    mount.readers[0].process = "";
    view.take(mount);
    EXPECT_THAT(draw(200, 50), HasSubstr(" 192.0.2.7 "));
}

TEST_F(DrawingTest, ALargeTerminalShowsAvailabilityToo) {
    view.take(film());
    view.take(details());
    EXPECT_THAT(draw(200, 50), AllOf(HasSubstr(std::string(150, '2')), HasSubstr("██░░░"), HasSubstr("aa")));
}

TEST_F(DrawingTest, ALineOfAvailabilityStandsBelowEachLineOfThePieceMap) {
    view.take(film());
    DetailsState state = details();
    state.map = std::string(300, '#') + std::string(300, '.');
    state.availability = std::string(400, '1') + std::string(200, '2');
    view.take(std::move(state));
    const Panes panes = plan_panes(200, 50, 1, 1);
    view.fit(panes);
    const Grid grid = draw_view(view, panes);
    const auto line = [&](int number) { return grid.line(panes.details_at + 1 + number); };
    EXPECT_EQ(column_count(line(1)), 200);
    EXPECT_EQ(line(2), "") << "nothing is missing there";
    EXPECT_EQ(line(4), std::string(100, ' ') + std::string(100, '1'));
    EXPECT_EQ(line(6), std::string(200, '2'));
}

TEST_F(DrawingTest, OfALongPathTheEndIsShown) {
    MountState mount = film();
    mount.readers[0].path = "A Series of a Long Name, Season 1/Episodes/Episode 2.mkv";
    view.take(std::move(mount));
    EXPECT_THAT(draw(), HasSubstr("…/Episode 2.mkv"));
}

TEST_F(DrawingTest, OfAFileOfTheTorrentTheTorrentsNameIsNotRepeated) {
    view.take(film());
    DetailsState state = details();
    state.name = "Series";
    state.files[0].path = "Series/more/Episode 2.mkv";
    view.take(std::move(state));
    view.press({Key::right}, plan_panes(80, 24, 1, 1));
    EXPECT_THAT(draw(), HasSubstr("\nmore/Episode 2.mkv"));
}

TEST_F(DrawingTest, ANarrowTerminalLeavesOutColumnsBeforeItCutsNames) {
    MountState mount = film();
    mount.torrents[0].name = "A film of 2026.mkv";
    mount.torrents[0].down = 0;
    mount.torrents[0].state = "looking for peers";
    view.take(std::move(mount));
    EXPECT_THAT(draw(80),
                AllOf(HasSubstr("A film of 2026.mkv"), HasSubstr("SEEDS"), HasSubstr("looking for peers")));
    EXPECT_THAT(draw(60), AllOf(HasSubstr("A film of 2026.mkv"), Not(HasSubstr("SEEDS")),
                                HasSubstr("looking for peers")));
    EXPECT_THAT(draw(40),
                AllOf(HasSubstr("A film of 2026.mkv"), HasSubstr("DOWN/S"), Not(HasSubstr("STATE"))));
}

TEST_F(DrawingTest, TheHelpFitsIntoAnOrdinaryTerminal) {
    view.press({Key::f1}, {});
    EXPECT_THAT(draw(), AllOf(HasSubstr("Keys"), HasSubstr("Any key closes this."), Not(HasSubstr("…"))));
}

TEST_F(DrawingTest, ThePieceMapShowsWhereTheReaderIsAndWhatIsFetchedAhead) {
    MountState mount = film();
    mount.readers[0].position = 30;
    mount.readers[0].window_end = 50;
    view.take(std::move(mount));
    DetailsState state = details();
    state.piece_count = 100;
    state.piece_length = 1;
    state.files[0].offset_in_torrent = 10;
    view.take(std::move(state));
    const Panes panes = plan_panes(100, 24, 1, 1);
    view.fit(panes);
    const Grid grid = draw_view(view, panes);
    const auto style = [&](int x) { return grid.at(x, panes.details_at + 2).style; };
    EXPECT_EQ(style(24), Style::good);
    EXPECT_EQ(style(39), Style::dim);
    EXPECT_EQ(style(40), Style::selected);
    EXPECT_EQ(style(41), Style::notice);
    EXPECT_EQ(style(59), Style::notice);
    EXPECT_EQ(style(60), Style::dim);
}

TEST_F(DrawingTest, TextOfOthersCannotBreakTheScreen) {
    MountState mount = film();
    mount.torrents[0].name = "evil\x1b[2J\n\xff\xe2\x80\xae" + std::string(5000, 'x');
    mount.readers[0].path = mount.readers[0].process = mount.readers[0].why = mount.torrents[0].name;
    view.take(std::move(mount));
    DetailsState evil = details();
    evil.peers[0].client = evil.peers[0].endpoint = evil.files[0].path = evil.trackers[0].url =
        evil.trackers[0].message = "\x1b]0;x\a\xe2\x80\xae" + std::string(5000, 'y');
    evil.map = "\x1b\xff" + std::string(20, 'z');
    view.take(std::move(evil));
    for (const Tab tab : {Tab::peers, Tab::files, Tab::trackers}) {
        while (view.tab() != tab) view.press({Key::right}, plan_panes(80, 24, 1, 1));
        for (const int width : {1, 20, 80, 200}) {
            const std::string text = draw(width, 40);
            EXPECT_THAT(text,
                        AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\a")), Not(HasSubstr("\xe2\x80\xae"))));
        }
    }
}

TEST_F(DrawingTest, NoScreenIsTooSmall) {
    view.take(film());
    view.take(details());
    for (int width = 1; width < 40; ++width)
        for (int height = 1; height < 30; ++height) draw(width, height);
    view.press({Key::f1}, {});
    for (int height = 1; height < 30; ++height) draw(30, height);
}

TEST_F(DrawingTest, AnEmptyMountSaysSo) {
    view.take(MountState{});
    EXPECT_THAT(draw(), AllOf(HasSubstr("0 torrents"), HasSubstr("No file is open"), HasSubstr("no port")));
}

TEST_F(DrawingTest, AProblemIsShownInFull) {
    MountState mount = film();
    mount.torrents[0].error = "the disk is full";
    mount.torrents[0].state = "failed";
    view.take(std::move(mount));
    EXPECT_THAT(draw(), HasSubstr("the disk is full"));
}

TEST_F(DrawingTest, WhatIsSearchedForStandsInTheLastLine) {
    view.take(film());
    view.press({Key::f3}, {});
    view.press({Key::character, "z"}, {});
    EXPECT_THAT(draw(), AllOf(HasSubstr("Search: z_"), HasSubstr("not found: z")));
}

TEST_F(DrawingTest, TheQuestionBeforeARemovalShowsItsAnswersHoweverLongTheNameIs) {
    MountState mount = film();
    mount.torrents[0].name += std::string(300, 'x');
    view.take(std::move(mount));
    view.press({Key::f9}, {});
    EXPECT_THAT(draw(80),
                AllOf(HasSubstr("Remove \"film.mkv"), HasSubstr("y: yes, D: with its data, n: no")));
    for (int width = 1; width < 60; ++width) draw(width, 5);
}

TEST_F(DrawingTest, TheFilterAndTheMenuOfColumnsAreShown) {
    view.take(film());
    view.press({Key::f4}, {});
    view.press({Key::character, "f"}, {});
    EXPECT_THAT(draw(),
                AllOf(HasSubstr("Filter: f_"), HasSubstr("TORRENT with \"f\""), HasSubstr("film.mkv")));
    view.press({Key::enter}, {});
    EXPECT_THAT(draw(), AllOf(HasSubstr("TORRENT with \"f\""), HasSubstr("F1Help")));
    view.press({Key::f6}, {});
    EXPECT_THAT(draw(), AllOf(HasSubstr("Sort by"), HasSubstr("download rate")));
    for (int height = 1; height < 30; ++height) draw(30, height);
}

TEST_F(DrawingTest, HelpNamesEveryKeyOnAnOrdinaryTerminal) {
    view.take(film());
    view.press({Key::f1}, {});
    EXPECT_THAT(draw(), Not(HasSubstr("…"))) << "no line is cut off";
    EXPECT_THAT(draw(), AllOf(HasSubstr("Space or p"), HasSubstr("  P "), HasSubstr("F9 or Del"),
                              HasSubstr("F4 or \\"), HasSubstr("F6;"), HasSubstr("F3 or /"),
                              HasSubstr("F10 or q"), HasSubstr("Any key closes this.")));
}

TEST_F(DrawingTest, TenThousandTorrentsAreDrawnInAMillisecondOrSo) {
    MountState mount = film();
    const TorrentState one = mount.torrents[0];
    for (int i = 1; i < 10'000; ++i) {
        mount.torrents.push_back(one);
        mount.torrents.back().name += std::to_string(i);
    }
    view.take(std::move(mount));
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i) {
        view.press({Key::page_down}, plan_panes(200, 50, 1, 10'000));
        draw(200, 50);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5))
        << "bounded by what is visible";
}

TEST(PieceBar, ColumnsTakeTogetherWhatIsInThem) {
    const auto text = [](std::string_view states, std::size_t columns) {
        std::string bar;
        for (const BarCell& cell : piece_bar(states, columns)) bar += cell.text;
        return bar;
    };
    EXPECT_EQ(text("#=.-5", 5), "█▓·▖▒");
    EXPECT_EQ(text("###=##..#.-...", 7), "█▓█·▒▖·");
    EXPECT_EQ(text("#.", 6), "███···") << "fewer pieces than columns";
    EXPECT_EQ(text("#.#", 4), "██·█");
    EXPECT_EQ(text("", 80), "");
    EXPECT_EQ(availability_bar("#..#", "0123", 4), " 12 ");
    EXPECT_EQ(availability_bar("#..#", "0923", 2), "92");
    EXPECT_EQ(availability_bar("#..#", "09", 2), "") << "they do not belong together";
}

}  // namespace
}  // namespace btfs::cli
