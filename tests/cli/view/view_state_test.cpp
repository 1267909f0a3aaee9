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
    type(">");
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
    EXPECT_EQ(view.mode(), KeyMode::lists);
    type("n");
    EXPECT_EQ(selected(), "Beta") << "from the end it goes on at the beginning";
    type("/zz");
    EXPECT_EQ(selected(), "Beta");
    EXPECT_EQ(view.notice(), "not found: zz");
    press(Key::escape);
    EXPECT_EQ(view.mode(), KeyMode::lists);
    EXPECT_FALSE(view.has_ended());
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
    EXPECT_EQ(view.mode(), KeyMode::help);
    press(Key::down);
    EXPECT_EQ(view.mode(), KeyMode::lists);
    EXPECT_EQ(selected(), "a");
    press(Key::f1);
    press(Key::f10);
    EXPECT_TRUE(view.has_ended());
}

TEST_F(ViewStateTest, F6ChoosesTheColumnThatSorts) {
    show({torrent("b", 5), torrent("a", 9)});
    press(Key::f6);
    EXPECT_EQ(view.mode(), KeyMode::sort_menu);
    EXPECT_EQ(view.sort_choice(), 0u);
    press(Key::down);
    type("j");
    press(Key::up);
    EXPECT_THAT(names(), ElementsAre("b", "a")) << "nothing is chosen yet";
    press(Key::enter);
    EXPECT_EQ(view.mode(), KeyMode::lists);
    EXPECT_EQ(view.sort(), SortBy::name);
    EXPECT_THAT(names(), ElementsAre("a", "b"));
    press(Key::f6);
    press(Key::up);
    press(Key::up);
    press(Key::escape);
    EXPECT_EQ(view.sort(), SortBy::name);
}

TEST_F(ViewStateTest, TheFilterLeavesTorrentsWithATextInTheirNames) {
    show({torrent("alpha"), torrent("Beta"), torrent("gamma"), torrent("better")});
    press(Key::end);
    type("\\bEt");
    EXPECT_EQ(view.mode(), KeyMode::filter);
    EXPECT_THAT(names(), ElementsAre("Beta", "better"));
    EXPECT_EQ(selected(), "better") << "the selection stays with its torrent";
    press(Key::enter);
    EXPECT_EQ(view.mode(), KeyMode::lists);
    show({torrent("alphabet"), torrent("Beta"), torrent("better")});
    EXPECT_THAT(names(), ElementsAre("alphabet", "Beta", "better"));
    press(Key::f4);
    type("a");
    EXPECT_THAT(names(), ElementsAre("Beta"));
    press(Key::backspace);
    EXPECT_EQ(view.filter(), "bEt");
    press(Key::escape);
    EXPECT_EQ(view.filter(), "");
    EXPECT_EQ(names().size(), 3u);
    type("\\zz");
    EXPECT_EQ(selected(), "none");
    press(Key::enter);
    press(Key::f9);
    EXPECT_EQ(view.mode(), KeyMode::lists) << "there is nothing to remove";
}

std::string asked(ViewState& view) {
    const auto action = view.take_action();
    return action ? text_after(*action) : "nothing";
}

TEST_F(ViewStateTest, ATorrentIsRemovedAfterAQuestionOnly) {
    show({torrent("a"), torrent("b")});
    press(Key::down);
    for (const char* no : {"n", "q", "d", "x"}) {
        press(Key::f9);
        EXPECT_EQ(view.mode(), KeyMode::question);
        EXPECT_EQ(view.question_name(), "b");
        type(no);
        EXPECT_EQ(view.mode(), KeyMode::lists);
        EXPECT_EQ(asked(view), "nothing") << no;
    }
    press(Key::remove);
    press(Key::enter);
    EXPECT_EQ(asked(view), "nothing");
    press(Key::remove);
    show({torrent("b"), torrent("c")});
    type("y");
    const auto action = view.take_action();
    ASSERT_TRUE(action);
    EXPECT_EQ(request_of(*action),
              (boost::json::object{{"torrent", "hash of b"}, {"command", "remove"}, {"delete_data", false}}));
    EXPECT_EQ(view.notice(), "removing b");
    EXPECT_EQ(asked(view), "nothing") << "once";
    press(Key::f9);
    type("D");
    EXPECT_EQ(asked(view), "removed b and its data");
    EXPECT_FALSE(view.has_ended());
}

TEST_F(ViewStateTest, SpacePausesAndResumes) {
    show({torrent("a")});
    type(" ");
    EXPECT_EQ(asked(view), "paused a");
    TorrentState paused = torrent("a");
    paused.state = "paused";
    show({paused});
    type("p");
    EXPECT_EQ(asked(view), "resumed a");
    show({});
    type(" pP");
    EXPECT_EQ(asked(view), "nothing");
}

TEST_F(ViewStateTest, PPinsATorrentOrAFileAndUnpinsWhatIsPinned) {
    show({torrent("a")});
    type("P");
    EXPECT_EQ(asked(view), "pinned a") << "its files are not known";
    DetailsState details{.info_hash = "hash of a", .name = "a", .error = ""};
    details.files = {{.path = "a/1", .pinned = true}, {.path = "a/2"}};
    view.take(details);
    type("P");
    EXPECT_EQ(asked(view), "pinned a") << "one of two files was";
    type("2");
    press(Key::enter);
    press(Key::down);
    type("P");
    const auto action = view.take_action();
    ASSERT_TRUE(action);
    EXPECT_EQ(request_of(*action), (boost::json::object{{"command", "pin"}, {"path", "a/2"}}));
    press(Key::up);
    type("P");
    EXPECT_EQ(asked(view), "unpinned a/1");
    details.files[1].pinned = true;
    view.take(details);
    press(Key::escape);
    type("P");
    EXPECT_EQ(asked(view), "unpinned a");
}

TEST_F(ViewStateTest, ChangesInTheListOfReadersAreAboutTheTorrentOfTheReader) {
    show({torrent("a"), torrent("b")}, {{.path = "b/film"}});
    press(Key::back_tab);
    press(Key::f9);
    EXPECT_EQ(view.question_name(), "b");
    EXPECT_EQ(selected(), "b");
    EXPECT_EQ(view.focus(), Pane::torrents);
}

TEST_F(ViewStateTest, QEndsIt) {
    show({});
    type("q");
    EXPECT_TRUE(view.has_ended());
}

}  // namespace
}  // namespace btfs::cli
