// Columns of a table on a grid.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/view/grid.hpp"

namespace btfs::cli {

/// Narrower screens than these leave out the columns that matter least, and then some more.
inline constexpr int kOrdinaryWidth = 72, kNarrowWidth = 56;

struct Column {
    std::string_view title;
    int width = 0;  ///< 0: what the others leave; one column has that
    bool right = false;
    int from = 0;  ///< on narrower screens than this it is left out
};

/// Places of columns on lines of a width; one blank stands between. A column that is left out has a width of
/// 0.
class Columns {
  public:
    Columns(std::span<const Column> columns, int width);

    void draw_titles(Grid& grid, int y, Style style) const;
    /// Writes cells from the left; a cell more or less is no harm.
    void draw(Grid& grid, int y, std::span<const std::string> cells, Style style) const;
    /// Where a column begins, and its width.
    int at(std::size_t column) const { return places_[column].x; }
    int width(std::size_t column) const { return places_[column].width; }

  private:
    struct Place {
        int x, width;
        bool right;
        std::string_view title;
    };
    std::vector<Place> places_;
};

}  // namespace btfs::cli
