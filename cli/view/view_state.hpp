// State of the live view: what is shown, and what the keys do to it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/view/keys.hpp"
#include "cli/view/list_cursor.hpp"
#include "cli/view/mount_state.hpp"
#include "cli/view/panes.hpp"
#include "cli/view/rate_history.hpp"

namespace btfs::cli {

enum class Pane : std::uint8_t { readers, torrents, details };
enum class Tab : std::uint8_t { peers, files, trackers };
/// As the mount lists them, or by a column.
enum class SortBy : std::uint8_t { mount, name, size, had, peers, down, up, state };
inline constexpr std::size_t kSortCount = 8;

/// A machine: takes what the mount has told, and keys; drawing.hpp shows it. Of 10,000 torrents it sorts
/// indices, and formats nothing.
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
    /// A text for the last line; empty: none.
    void set_notice(std::string notice) { notice_ = std::move(notice); }

    // ---- questions ----
    bool has_ended() const { return ended_; }
    const MountState& mount() const { return mount_; }
    const RateHistory& down() const { return down_; }
    const RateHistory& up() const { return up_; }
    /// Indices of the torrents, as they are shown.
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
    bool shows_help() const { return help_; }
    /// The text that is being searched for; nothing while no key goes there.
    const std::optional<std::string>& search() const { return search_; }
    const std::string& notice() const { return notice_; }

  private:
    void sort_torrents();
    void sort_by(SortBy sort);
    void move_focus(int step, const Panes& panes);
    void turn_tab(int step);
    void press_in_search(const KeyPress& press);
    void press_character(const std::string& text, const Panes& panes);
    void press_in_pane(Key key, const Panes& panes);
    void find(std::size_t from);
    void select(std::size_t row);
    void select_torrent_of_reader();

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
    bool help_ = false;
    std::optional<std::string> search_;
    std::string last_search_;
    std::string notice_;
    bool ended_ = false;
};

}  // namespace btfs::cli
