// ViewState: effects of keys.
#include <algorithm>

#include "cli/view/view_state.hpp"

namespace btfs::cli {
namespace {

/// Removes the last character of a UTF-8 text.
void remove_last(std::string& text) {
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
    if (!text.empty()) text.pop_back();
}

}  // namespace

void ViewState::press(const KeyPress& press, const Panes& panes) {
    set_notice("");
    if (press.key == Key::f10) {
        ended_ = true;
        return;
    }
    switch (mode_) {
        case KeyMode::lists:
            return press_in_lists(press, panes);
        case KeyMode::help:
            mode_ = KeyMode::lists;
            return;
        case KeyMode::search:
            return press_in_search(press);
        case KeyMode::filter:
            return press_in_filter(press);
        case KeyMode::sort_menu:
            return press_in_sort_menu(press);
        case KeyMode::question:
            return answer(press);
    }
}

void ViewState::press_in_lists(const KeyPress& press, const Panes& panes) {
    switch (press.key) {
        case Key::character:
            return press_character(press.text, panes);
        case Key::f1:
            mode_ = KeyMode::help;
            return;
        case Key::f3:
            search_.clear();
            mode_ = KeyMode::search;
            return;
        case Key::f4:
            mode_ = KeyMode::filter;
            return;
        case Key::f6:
            sort_choice_ = static_cast<std::size_t>(sort_);
            mode_ = KeyMode::sort_menu;
            return;
        case Key::f9:
        case Key::remove:
            return ask_for_removal();
        case Key::tab:
            return move_focus(1, panes);
        case Key::back_tab:
            return move_focus(-1, panes);
        case Key::escape:
            focus_ = Pane::torrents;
            return;
        default:
            return press_in_pane(press.key, panes);
    }
}

void ViewState::press_character(const std::string& text, const Panes& panes) {
    const auto next = [&](std::size_t step) {
        sort_by(static_cast<SortBy>((static_cast<std::size_t>(sort_) + step) % kSortCount));
    };
    if (text == "q") {
        ended_ = true;
    } else if (text == "?" || text == "h") {
        press_in_lists({Key::f1}, panes);
    } else if (text == "/") {
        press_in_lists({Key::f3}, panes);
    } else if (text == "n") {
        find(torrents_.selected + 1);
    } else if (text == "\\") {
        press_in_lists({Key::f4}, panes);
    } else if (text == ">") {
        next(1);
    } else if (text == "<") {
        next(kSortCount - 1);
    } else if (text == "I") {
        reversed_ = !reversed_;
        sort_by(sort_);
    } else if (text == " " || text == "p") {
        toggle_pause();
    } else if (text == "P") {
        toggle_pin();
    } else if (text == "j") {
        press_in_pane(Key::down, panes);
    } else if (text == "k") {
        press_in_pane(Key::up, panes);
    } else if (text == "g") {
        press_in_pane(Key::home, panes);
    } else if (text == "G") {
        press_in_pane(Key::end, panes);
    } else if (text.size() == 1 && text[0] >= '1' && text[0] <= '3') {
        tab_ = static_cast<Tab>(text[0] - '1');
    }
}

void ViewState::press_in_pane(Key key, const Panes& panes) {
    switch (focus_) {
        case Pane::readers:
            if (key == Key::enter) return select_torrent_of_reader();
            readers_.press(key, mount_.readers.size(), row_count(panes.readers_rows));
            return;
        case Pane::torrents:
            if (key == Key::left) return turn_tab(-1);
            if (key == Key::right) return turn_tab(1);
            if (key == Key::enter && panes.has_details()) focus_ = Pane::details;
            torrents_.press(key, order_.size(), row_count(panes.torrents_rows));
            return;
        case Pane::details:
            if (key == Key::left) return turn_tab(-1);
            if (key == Key::right) return turn_tab(1);
            if (key == Key::enter) focus_ = Pane::torrents;
            tabs_[static_cast<std::size_t>(tab_)].press(key, detail_count(), row_count(panes.details_rows));
            return;
    }
}

void ViewState::move_focus(int step, const Panes& panes) {
    const auto is_there = [&](Pane pane) {
        return pane == Pane::torrents || (pane == Pane::readers && panes.readers_rows > 0) ||
               (pane == Pane::details && panes.has_details());
    };
    do focus_ = static_cast<Pane>((static_cast<int>(focus_) + 3 + step) % 3);
    while (!is_there(focus_));
}

void ViewState::turn_tab(int step) {
    tab_ = static_cast<Tab>((static_cast<int>(tab_) + 3 + step) % 3);
}

// ---- texts that are typed, the menu, the question ----

void ViewState::press_in_search(const KeyPress& press) {
    switch (press.key) {
        case Key::character:
            search_ += press.text;
            last_search_ = search_;
            return find(torrents_.selected);
        case Key::backspace:
            if (search_.empty()) mode_ = KeyMode::lists;
            remove_last(search_);
            if (mode_ == KeyMode::search) last_search_ = search_;
            return;
        case Key::f3:
        case Key::down:
            return find(torrents_.selected + 1);
        default:
            mode_ = KeyMode::lists;
            return;
    }
}

void ViewState::press_in_filter(const KeyPress& press) {
    switch (press.key) {
        case Key::character:
            return filter_by(filter_ + press.text);
        case Key::backspace: {
            if (filter_.empty()) mode_ = KeyMode::lists;
            std::string shorter = filter_;
            remove_last(shorter);
            return filter_by(std::move(shorter));
        }
        case Key::escape:
            mode_ = KeyMode::lists;
            return filter_by("");
        default:
            mode_ = KeyMode::lists;
            return;
    }
}

void ViewState::filter_by(std::string text) {
    const std::string key = wanted_details();
    filter_ = std::move(text);
    torrents_ = {};
    sort_torrents();
    keep_selected(key);
}

void ViewState::press_in_sort_menu(const KeyPress& press) {
    const auto choose = [&](std::size_t step) { sort_choice_ = (sort_choice_ + step) % kSortCount; };
    const bool is_down = press.key == Key::down || press.text == "j" || press.key == Key::f6;
    const bool is_up = press.key == Key::up || press.text == "k";
    if (is_down || is_up) return choose(is_down ? 1 : kSortCount - 1);
    mode_ = KeyMode::lists;
    if (press.key == Key::enter) sort_by(static_cast<SortBy>(sort_choice_));
}

void ViewState::answer(const KeyPress& press) {
    mode_ = KeyMode::lists;
    if (press.text == "y") {
        ask_for(std::move(question_));
    } else if (press.text == "D") {
        question_.kind = ViewAction::Kind::remove_with_data;
        ask_for(std::move(question_));
    }
}

// ---- changes of the mount ----

/// Returns the torrent that a key for changes is about, null if there is none. For a file that is read, its
/// torrent is selected first, so that the user sees it.
const TorrentState* ViewState::torrent_for_action() {
    if (focus_ == Pane::readers) select_torrent_of_reader();
    return focus_ == Pane::readers ? nullptr : selected();
}

void ViewState::toggle_pause() {
    const TorrentState* const torrent = torrent_for_action();
    if (!torrent) return;
    const bool is_paused = torrent->state == "paused";
    ask_for({.kind = is_paused ? ViewAction::Kind::resume : ViewAction::Kind::pause,
             .torrent = wanted_details(),
             .name = torrent->name});
}

/// Pins the torrent or, in the list of files, the file there. If all of that is pinned, unpins it.
void ViewState::toggle_pin() {
    const TorrentState* const torrent = torrent_for_action();
    if (!torrent) return;
    ViewAction action{.kind = ViewAction::Kind::pin, .torrent = wanted_details(), .name = torrent->name};
    const DetailsState* const shown = details();
    if (shown && focus_ == Pane::details && tab_ == Tab::files) {
        const std::size_t row = detail_rows().selected;
        if (row >= shown->files.size()) return;
        const FileState& file = shown->files[row];
        action.file = action.name = file.path;
        if (file.pinned) action.kind = ViewAction::Kind::unpin;
    } else if (shown && !shown->files.empty() && std::ranges::all_of(shown->files, &FileState::pinned)) {
        action.kind = ViewAction::Kind::unpin;
    }
    ask_for(std::move(action));
}

void ViewState::ask_for_removal() {
    const TorrentState* const torrent = torrent_for_action();
    if (!torrent) return;
    question_ = {.kind = ViewAction::Kind::remove, .torrent = wanted_details(), .name = torrent->name};
    mode_ = KeyMode::question;
}

void ViewState::ask_for(ViewAction action) {
    set_notice(text_before(action), NoticeKind::progress);
    action_ = std::move(action);
}

}  // namespace btfs::cli
