#include "cli/view/view_state.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <string_view>
#include <utility>

namespace btfs::cli {
namespace {

/// Returns the word by which the mount can be asked for a torrent.
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

/// Returns true if the text is in the torrent's name or info-hash.
bool names(const TorrentState& torrent, const std::string& text) {
    return contains(torrent.name, text) || contains(torrent.info_hash, text);
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

}  // namespace

void ViewState::take(MountState mount) {
    const TorrentState* const torrent = selected();
    const std::string key = torrent ? key_of(*torrent) : std::string();
    mount_ = std::move(mount);
    down_.add(mount_.down);
    up_.add(mount_.up);
    sort_torrents();
    keep_selected(key);
}

/// Selects the torrent of that key again after the list has changed, if it is still in the list.
void ViewState::keep_selected(const std::string& key) {
    if (key.empty()) return;
    const auto found = std::ranges::find_if(
        order_, [&](std::uint32_t index) { return key_of(mount_.torrents[index]) == key; });
    if (found != order_.end()) torrents_.selected = static_cast<std::size_t>(found - order_.begin());
}

void ViewState::take(std::optional<DetailsState> details) {
    details_ = std::move(details);
}

void ViewState::sort_torrents() {
    const auto& torrents = mount_.torrents;
    order_.resize(torrents.size());
    std::iota(order_.begin(), order_.end(), 0U);
    if (!filter_.empty())
        std::erase_if(order_, [&](std::uint32_t index) { return !names(torrents[index], filter_); });
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

void ViewState::set_notice(std::string notice, NoticeKind kind) {
    notice_ = std::move(notice);
    notice_kind_ = kind;
}

void ViewState::fit(const Panes& panes) {
    torrents_.fit(order_.size(), row_count(panes.torrents_rows));
    readers_.fit(mount_.readers.size(), row_count(panes.readers_rows));
    tabs_[static_cast<std::size_t>(tab_)].fit(detail_count(), row_count(panes.details_rows));
    if (focus_ == Pane::readers && panes.readers_rows == 0) focus_ = Pane::torrents;
    if (focus_ == Pane::details && !panes.has_details()) focus_ = Pane::torrents;
}

/// Selects the next torrent whose name, or info-hash, has the text that was searched for last.
void ViewState::find(std::size_t from) {
    if (last_search_.empty()) return;
    for (std::size_t i = 0; i < order_.size(); ++i) {
        const std::size_t row = (from + i) % order_.size();
        const TorrentState& torrent = mount_.torrents[order_[row]];
        if (names(torrent, last_search_)) return select(row);
    }
    set_notice("not found: " + last_search_);
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
    set_notice("the torrent of that file is not in the list");
}

}  // namespace btfs::cli
