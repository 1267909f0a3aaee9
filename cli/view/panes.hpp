// Places of the view's panes on a screen.
#pragma once

#include <algorithm>
#include <cstddef>

namespace btfs::cli {

/// Lines are counted from the top, and a pane of no lines is not shown. Each pane's first line is its title,
/// which is not among its rows.
struct Panes {
    int width = 80, height = 24;
    int summary_lines = 3;
    int readers_at = 0, readers_rows = 0;  ///< of no rows: the title says that nothing is read
    int torrents_at = 0, torrents_rows = 0;
    /// Of the selected torrent: a title, a line about its pieces, `map_lines` of piece map, below each of
    /// them one of availability if `has_availability`, a line of column titles, and the rows of its peers,
    /// files or trackers.
    int details_at = 0, details_lines = 0, map_lines = 0, details_rows = 0;
    bool has_availability = false;
    int keys_at = 0;  ///< the last line

    int map_step() const { return has_availability ? 2 : 1; }  ///< from one line of the piece map to the next
    bool has_details() const { return details_lines > 0; }
};

/// Returns the rows of a pane that are visible.
inline std::size_t row_count(int rows) {
    return static_cast<std::size_t>(std::max(0, rows));
}

/// A screen too small for all leaves out the details first, then the readers.
Panes plan_panes(int width, int height, std::size_t readers, std::size_t torrents);

}  // namespace btfs::cli
