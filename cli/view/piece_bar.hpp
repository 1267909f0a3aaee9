// Piece map scaled to a number of columns.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/view/grid.hpp"

namespace btfs::cli {

/// One column of the map: what `PieceCells::states` has for the cells in it, taken together.
struct BarCell {
    std::string text;
    Style style = Style::normal;
};

/// Scales `states` to `columns`, or to fewer if there are fewer cells than that.
std::vector<BarCell> piece_bar(std::string_view states, std::size_t columns);
/// The least availability in each column of the same bar: a digit, or a blank of what is had.
std::string availability_bar(std::string_view states, std::string_view availability, std::size_t columns);

}  // namespace btfs::cli
