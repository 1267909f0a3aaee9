// State of the live view: the lists that it shows, its cursors, and its dialogs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/view/keys.hpp"
#include "cli/view/list_cursor.hpp"
#include "cli/view/mount_state.hpp"
#include "cli/view/panes.hpp"
#include "cli/view/rate_history.hpp"
#include "cli/view/view_action.hpp"

namespace btfs::cli {

enum class Pane : std::uint8_t { readers, torrents, details };
enum class Tab : std::uint8_t { peers, files, trackers };
/// As the mount lists them, or by a column.
enum class SortBy : std::uint8_t { mount, name, size, had, peers, down, up, state };
inline constexpr std::size_t kSortCount = 8;
/// Names of the columns, in the order of SortBy.
inline constexpr std::array<const char*, kSortCount> kSortNames{
    "as the mount lists them", "name",        "size", "share that is here", "peers",
    "download rate",           "upload rate", "state"};
/// The part of the view that takes the next key.
enum class KeyMode : std::uint8_t {
    lists,
    help,
    search,     ///< a text is typed
    filter,     ///< a text is typed
    sort_menu,  ///< a column is chosen
    question,   ///< whether the torrent is removed
};

/// A machine: takes what the mount has told, and keys; gives actions for the mount; drawing.hpp shows it. Of
/// 10,000 torrents it sorts indices, and formats nothing.
class ViewState {
  public:
    // ---- inputs ----
    void take(MountState mount);
    /// Nothing: the torrent is not there any more, or the mount cannot tell.
    void take(std::optional<DetailsState> details);
    /// `panes`: as it was drawn last.
    void press(const KeyPress& press, const Panes& panes);
    /// Keeps what is selected visible. Before each drawing.
    void fit(const Panes& panes);
    enum class NoticeKind : std::uint8_t { problem, progress };
    /// A text for the last line, until the next key; empty: none.
    void set_notice(std::string notice, NoticeKind kind = NoticeKind::problem);

    // ---- outputs ----
    /// Returns the change that a key has asked for, once; nothing if none has.
    std::optional<ViewAction> take_action() { return std::exchange(action_, std::nullopt); }

    // ---- questions ----
    bool has_ended() const { return ended_; }
    const MountState& mount() const { return mount_; }
    const RateHistory& down() const { return down_; }
    const RateHistory& up() const { return up_; }
    /// Indices of the torrents that the filter lets through, as they are shown.
    const std::vector<std::uint32_t>& order() const { return order_; }
    const TorrentState* selected() const;
    /// Those of the selected torrent; null while they are not here.
    const DetailsState* details() const;
    /// By what the mount can be asked for them: the info-hash, else the name; empty: nothing is selected.
    std::string wanted_details() const;
    Pane focus() const { return focus_; }
    Tab tab() const { return tab_; }
    SortBy sort() const { return sort_; }
    bool is_reversed() const { return reversed_; }
    const ListCursor& torrents() const { return torrents_; }
    const ListCursor& readers() const { return readers_; }
    const ListCursor& detail_rows() const { return tabs_[static_cast<std::size_t>(tab_)]; }
    /// Rows of the tab that is shown.
    std::size_t detail_count() const;
    KeyMode mode() const { return mode_; }
    /// The text that is typed in KeyMode::search.
    const std::string& search() const { return search_; }
    /// Only torrents whose name or info-hash has this text are shown; empty: all are.
    const std::string& filter() const { return filter_; }
    /// The line of the sort menu, in the order of SortBy.
    std::size_t sort_choice() const { return sort_choice_; }
    /// Name of the torrent that KeyMode::question is about.
    const std::string& question_name() const { return question_.name; }
    const std::string& notice() const { return notice_; }
    NoticeKind notice_kind() const { return notice_kind_; }

  private:
    void sort_torrents();
    void sort_by(SortBy sort);
    void keep_selected(const std::string& key);
    void find(std::size_t from);
    void select(std::size_t row);
    void select_torrent_of_reader();

    // Keys, by the mode that they are pressed in (view_keys.cpp).
    void press_in_lists(const KeyPress& press, const Panes& panes);
    void press_character(const std::string& text, const Panes& panes);
    void press_in_pane(Key key, const Panes& panes);
    void press_in_search(const KeyPress& press);
    void press_in_filter(const KeyPress& press);
    void press_in_sort_menu(const KeyPress& press);
    void answer(const KeyPress& press);
    void move_focus(int step, const Panes& panes);
    void turn_tab(int step);
    void filter_by(std::string text);
    const TorrentState* torrent_for_action();
    void toggle_pause();
    void toggle_pin();
    void ask_for_removal();
    void ask_for(ViewAction action);

    MountState mount_;
    std::optional<DetailsState> details_;
    RateHistory down_, up_;
    std::vector<std::uint32_t> order_;
    Pane focus_ = Pane::torrents;
    Tab tab_ = Tab::peers;
    SortBy sort_ = SortBy::mount;
    bool reversed_ = false;
    ListCursor torrents_, readers_;
    std::array<ListCursor, 3> tabs_;
    KeyMode mode_ = KeyMode::lists;
    std::string search_, last_search_;
    std::string filter_;
    std::size_t sort_choice_ = 0;
    ViewAction question_;  ///< carried out if the answer is yes
    std::optional<ViewAction> action_;
    std::string notice_;
    NoticeKind notice_kind_ = NoticeKind::problem;
    bool ended_ = false;
};

}  // namespace btfs::cli
