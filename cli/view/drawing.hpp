// Drawing of the live view: its state and a size become a grid.
#pragma once

#include "cli/view/grid.hpp"
#include "cli/view/panes.hpp"
#include "cli/view/view_state.hpp"

namespace btfs::cli {

/// Draws the whole screen. Formats what is visible, and nothing else; all text from others becomes
/// one_line().
Grid draw_view(const ViewState& view, const Panes& panes);

// Parts of it, each of which draws its pane:
void draw_summary(Grid& grid, const ViewState& view, const Panes& panes);
void draw_readers(Grid& grid, const ViewState& view, const Panes& panes);
void draw_torrents(Grid& grid, const ViewState& view, const Panes& panes);
void draw_details(Grid& grid, const ViewState& view, const Panes& panes);
void draw_keys(Grid& grid, const ViewState& view, const Panes& panes);
void draw_sort_menu(Grid& grid, const ViewState& view, const Panes& panes);
void draw_help(Grid& grid);

}  // namespace btfs::cli
