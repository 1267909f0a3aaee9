#include "cli/view/view_state.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <string_view>
#include <utility>

namespace btfs::cli {
namespace {

/// What the mount can be asked for a torrent by.
const std::string& key_of(const TorrentState& torrent) {
    return torrent.info_hash.empty() ? torrent.name : torrent.info_hash;
}

char lower(char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

bool less_by_text(const std::string& one, const std::string& other) {
    return std::ranges::lexicographical_compare(one, other, {}, lower, lower);
}

bool contains(std::string_view text, std::string_view part) {
    return !std::ranges::search(text, part, {}, lower, lower).empty() || part.empty();
}

double part_had(const TorrentState& torrent) {
    if (torrent.size == 0) return -1;
    return static_cast<double>(torrent.had) / static_cast<double>(torrent.size);
}

/// Numbers are sorted with the largest first, texts from A to Z.
bool comes_before(const TorrentState& one, const TorrentState& other, SortBy sort) {
    switch (sort) {
        case SortBy::mount:
            return false;
        case SortBy::name:
            return less_by_text(one.name, other.name);
        case SortBy::size:
            return one.size > other.size;
        case SortBy::had:
            return part_had(one) > part_had(other);
        case SortBy::peers:
            return one.peers > other.peers;
        case SortBy::down:
            return one.down > other.down;
        case SortBy::up:
            return one.up > other.up;
        case SortBy::state:
            break;
    }
    return less_by_text(one.state, other.state);
}

std::size_t visible(int rows) {
    return static_cast<std::size_t>(std::max(0, rows));
}

}  // namespace

void ViewState::take(MountState mount) {
    const TorrentState* const torrent = selected();
    const std::string key = torrent ? key_of(*torrent) : std::string();
    mount_ = std::move(mount);
    down_.add(mount_.down);
    up_.add(mount_.up);
    sort_torrents();
    if (key.empty()) return;
    const auto found = std::ranges::find_if(
        order_, [&](std::uint32_t index) { return key_of(mount_.torrents[index]) == key; });
    if (found != order_.end()) torrents_.selected = static_cast<std::size_t>(found - order_.begin());
}

void ViewState::take(std::optional<DetailsState> details) {
    details_ = std::move(details);
}

void ViewState::sort_torrents() {
    order_.resize(mount_.torrents.size());
    std::iota(order_.begin(), order_.end(), 0U);
    const auto& torrents = mount_.torrents;
    std::ranges::stable_sort(order_, [&](std::uint32_t one, std::uint32_t other) {
        return reversed_ ? comes_before(torrents[other], torrents[one], sort_)
                         : comes_before(torrents[one], torrents[other], sort_);
    });
    if (reversed_ && sort_ == SortBy::mount) std::ranges::reverse(order_);
}

void ViewState::sort_by(SortBy sort) {
    sort_ = sort;
    sort_torrents();
    torrents_ = {};
}

const TorrentState* ViewState::selected() const {
    return torrents_.selected < order_.size() ? &mount_.torrents[order_[torrents_.selected]] : nullptr;
}

std::string ViewState::wanted_details() const {
    const TorrentState* const torrent = selected();
    return torrent ? key_of(*torrent) : std::string();
}

const DetailsState* ViewState::details() const {
    const TorrentState* const torrent = selected();
    if (!torrent || !details_) return nullptr;
    const bool is_its = torrent->info_hash.empty() ? details_->name == torrent->name
                                                   : details_->info_hash == torrent->info_hash;
    return is_its ? &*details_ : nullptr;
}

std::size_t ViewState::detail_count() const {
    const DetailsState* const shown = details();
    if (!shown) return 0;
    switch (tab_) {
        case Tab::peers:
            return shown->peers.size();
        case Tab::files:
            return shown->files.size();
        case Tab::trackers:
            break;
    }
    return shown->trackers.size();
}

void ViewState::fit(const Panes& panes) {
    torrents_.fit(order_.size(), visible(panes.torrents_rows));
    readers_.fit(mount_.readers.size(), visible(panes.readers_rows));
    tabs_[static_cast<std::size_t>(tab_)].fit(detail_count(), visible(panes.details_rows));
    if (focus_ == Pane::readers && panes.readers_rows == 0) focus_ = Pane::torrents;
    if (focus_ == Pane::details && !panes.has_details()) focus_ = Pane::torrents;
}

// ---- keys ----

void ViewState::press(const KeyPress& press, const Panes& panes) {
    notice_.clear();
    if (help_) {
        help_ = false;
        ended_ = press.key == Key::f10;
        return;
    }
    if (search_) return press_in_search(press);
    switch (press.key) {
        case Key::character:
            return press_character(press.text, panes);
        case Key::f1:
            help_ = true;
            return;
        case Key::f3:
            search_ = "";
            return;
        case Key::f6:
            return press_character(">", panes);
        case Key::f10:
            ended_ = true;
            return;
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
        help_ = true;
    } else if (text == "/") {
        search_ = "";
    } else if (text == "n") {
        find(torrents_.selected + 1);
    } else if (text == ">") {
        next(1);
    } else if (text == "<") {
        next(kSortCount - 1);
    } else if (text == "I") {
        reversed_ = !reversed_;
        sort_by(sort_);
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
            readers_.press(key, mount_.readers.size(), visible(panes.readers_rows));
            return;
        case Pane::torrents:
            if (key == Key::left) return turn_tab(-1);
            if (key == Key::right) return turn_tab(1);
            if (key == Key::enter && panes.has_details()) focus_ = Pane::details;
            torrents_.press(key, order_.size(), visible(panes.torrents_rows));
            return;
        case Pane::details:
            if (key == Key::left) return turn_tab(-1);
            if (key == Key::right) return turn_tab(1);
            if (key == Key::enter) focus_ = Pane::torrents;
            tabs_[static_cast<std::size_t>(tab_)].press(key, detail_count(), visible(panes.details_rows));
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

void ViewState::press_in_search(const KeyPress& press) {
    switch (press.key) {
        case Key::character:
            *search_ += press.text;
            last_search_ = *search_;
            return find(torrents_.selected);
        case Key::backspace:
            if (search_->empty()) {
                search_.reset();
                return;
            }
            while (!search_->empty() && (static_cast<unsigned char>(search_->back()) & 0xc0) == 0x80)
                search_->pop_back();
            if (!search_->empty()) search_->pop_back();
            last_search_ = *search_;
            return;
        case Key::f3:
        case Key::down:
            return find(torrents_.selected + 1);
        case Key::f10:
            ended_ = true;
            return;
        default:
            search_.reset();
            return;
    }
}

/// Selects the next torrent whose name, or info-hash, has the text that was searched for last.
void ViewState::find(std::size_t from) {
    if (last_search_.empty()) return;
    for (std::size_t i = 0; i < order_.size(); ++i) {
        const std::size_t row = (from + i) % order_.size();
        const TorrentState& torrent = mount_.torrents[order_[row]];
        if (contains(torrent.name, last_search_) || contains(torrent.info_hash, last_search_))
            return select(row);
    }
    notice_ = "not found: " + last_search_;
}

void ViewState::select(std::size_t row) {
    torrents_.selected = row;
    focus_ = Pane::torrents;
    notice_.clear();
}

void ViewState::select_torrent_of_reader() {
    if (readers_.selected >= mount_.readers.size()) return;
    const std::string& path = mount_.readers[readers_.selected].path;
    const std::string_view name = std::string_view(path).substr(0, path.find('/'));
    for (std::size_t row = 0; row < order_.size(); ++row)
        if (mount_.torrents[order_[row]].name == name) return select(row);
}

}  // namespace btfs::cli
