#include "cli/view/view_state.hpp"

#include <gmock/gmock.h>

#include <chrono>

namespace btfs::cli {
namespace {

using testing::ElementsAre;

struct ViewStateTest : ::testing::Test {
    void show(std::vector<TorrentState> torrents, std::vector<ReaderState> readers = {}) {
        MountState mount;
        mount.torrents = std::move(torrents);
        mount.readers = std::move(readers);
        view.take(std::move(mount));
        panes = plan_panes(80, 24, view.mount().readers.size(), view.mount().torrents.size());
        view.fit(panes);
    }
    void press(Key key) {
        view.press({key}, panes);
        view.fit(panes);
    }
    void type(std::string_view text) {
        for (const char c : text) view.press({Key::character, std::string(1, c)}, panes);
        view.fit(panes);
    }
    std::vector<std::string> names() const {
        std::vector<std::string> shown;
        for (const auto index : view.order()) shown.push_back(view.mount().torrents[index].name);
        return shown;
    }
    std::string selected() const { return view.selected() ? view.selected()->name : "none"; }

    ViewState view;
    Panes panes = plan_panes(80, 24, 0, 0);
};

TorrentState torrent(std::string name, std::uint64_t size = 0, std::uint64_t down = 0) {
    return {.name = name, .info_hash = "hash of " + name, .state = "ready", .size = size, .down = down};
}

TEST_F(ViewStateTest, TorrentsStandAsTheMountListsThemOrByAColumn) {
    show({torrent("b", 5, 1), torrent("A", 9, 2), torrent("c", 7, 3)});
    EXPECT_THAT(names(), ElementsAre("b", "A", "c"));
    press(Key::f6);
    EXPECT_THAT(names(), ElementsAre("A", "b", "c"));
    type(">");
    EXPECT_THAT(names(), ElementsAre("A", "c", "b")) << "the largest first";
    type("I");
    EXPECT_THAT(names(), ElementsAre("b", "c", "A"));
    type("I<<");
    EXPECT_THAT(names(), ElementsAre("b", "A", "c"));
    type("<");
    EXPECT_EQ(view.sort(), SortBy::state);
}

TEST_F(ViewStateTest, TheSelectionStaysWithItsTorrent) {
    show({torrent("a"), torrent("b"), torrent("c")});
    press(Key::down);
    EXPECT_EQ(selected(), "b");
    EXPECT_EQ(view.wanted_details(), "hash of b");
    show({torrent("x"), torrent("c"), torrent("b")});
    EXPECT_EQ(selected(), "b");
    show({torrent("x"), torrent("c")});
    EXPECT_EQ(selected(), "c") << "it was removed";
    show({});
    EXPECT_EQ(selected(), "none");
    EXPECT_EQ(view.wanted_details(), "");
    press(Key::down);
    press(Key::page_up);
    EXPECT_EQ(selected(), "none");
}

TEST_F(ViewStateTest, KeysMoveWithinTheList) {
    std::vector<TorrentState> many;
    for (int i = 0; i < 100; ++i) many.push_back(torrent(std::to_string(i)));
    show(std::move(many));
    press(Key::up);
    EXPECT_EQ(selected(), "0");
    press(Key::end);
    EXPECT_EQ(selected(), "99");
    EXPECT_EQ(view.torrents().top, 100u - static_cast<std::size_t>(panes.torrents_rows));
    press(Key::page_up);
    EXPECT_EQ(selected(), std::to_string(99 - (panes.torrents_rows - 1)));
    type("gjjjk");
    EXPECT_EQ(selected(), "2");
    type("G");
    press(Key::page_down);
    EXPECT_EQ(selected(), "99");
    press(Key::home);
    EXPECT_EQ(view.torrents().top, 0u);
}

TEST_F(ViewStateTest, SearchFindsWhileOneTypes) {
    show({torrent("alpha"), torrent("Beta"), torrent("gamma"), torrent("better")});
    type("/be");
    EXPECT_EQ(selected(), "Beta");
    type("tt");
    EXPECT_EQ(selected(), "better");
    press(Key::backspace);
    press(Key::enter);
    EXPECT_FALSE(view.search());
    type("n");
    EXPECT_EQ(selected(), "Beta") << "from the end it goes on at the beginning";
    type("/zz");
    EXPECT_EQ(selected(), "Beta");
    EXPECT_EQ(view.notice(), "not found: zz");
    press(Key::escape);
    EXPECT_FALSE(view.search() || view.has_ended());
    type("/q");
    EXPECT_FALSE(view.has_ended()) << "it is a letter there";
}

TEST_F(ViewStateTest, SearchFindsAnInfoHash) {
    show({torrent("one"), torrent("two")});
    press(Key::f3);
    type("HASH OF TW");
    EXPECT_EQ(selected(), "two");
}

TEST_F(ViewStateTest, PanesThatAreThereTakeTurns) {
    show({torrent("film")});
    EXPECT_EQ(view.focus(), Pane::torrents);
    press(Key::tab);
    EXPECT_EQ(view.focus(), Pane::details);
    press(Key::tab);
    EXPECT_EQ(view.focus(), Pane::torrents) << "no file is open";
    show({torrent("film")}, {{.path = "film/a"}});
    press(Key::back_tab);
    EXPECT_EQ(view.focus(), Pane::readers);
    show({torrent("film")});
    EXPECT_EQ(view.focus(), Pane::torrents) << "its files were closed";
}

TEST_F(ViewStateTest, AReaderLeadsToItsTorrent) {
    show({torrent("film"), torrent("film 2")}, {{.path = "film 2/a"}});
    press(Key::back_tab);
    press(Key::enter);
    EXPECT_EQ(selected(), "film 2");
    EXPECT_EQ(view.focus(), Pane::torrents);
}

TEST_F(ViewStateTest, DetailsOfAnotherTorrentAreNotShown) {
    show({torrent("a"), torrent("b")});
    DetailsState details{.info_hash = "hash of a", .name = "a", .error = ""};
    details.peers.resize(30);
    view.take(details);
    ASSERT_TRUE(view.details());
    EXPECT_EQ(view.detail_count(), 30u);
    press(Key::enter);
    press(Key::end);
    EXPECT_EQ(view.detail_rows().selected, 29u);
    press(Key::right);
    EXPECT_EQ(view.tab(), Tab::files);
    EXPECT_EQ(view.detail_count(), 0u);
    press(Key::escape);
    press(Key::down);
    EXPECT_FALSE(view.details());
    view.take(std::nullopt);
    EXPECT_FALSE(view.details());
}

TEST_F(ViewStateTest, HelpIsClosedByAnyKey) {
    show({torrent("a"), torrent("b")});
    type("?");
    EXPECT_TRUE(view.shows_help());
    press(Key::down);
    EXPECT_FALSE(view.shows_help());
    EXPECT_EQ(selected(), "a");
    press(Key::f1);
    press(Key::f10);
    EXPECT_TRUE(view.has_ended());
}

TEST_F(ViewStateTest, QEndsIt) {
    show({});
    type("q");
    EXPECT_TRUE(view.has_ended());
}

}  // namespace
}  // namespace btfs::cli
