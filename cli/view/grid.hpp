// Grid of character cells: a screen as a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace btfs::cli {

/// Meaning of a cell; the terminal chooses colours and attributes for it.
enum class Style : std::uint8_t {
    normal,
    dim,
    strong,
    good,      ///< complete, arriving
    notice,    ///< under way
    bad,       ///< failed, or waits
    title,     ///< of a pane
    active,    ///< of the pane that has the keys
    selected,  ///< line
    key,       ///< of the bar of keys
    label,     ///< in the bar of keys
};

/// The number of columns that a text takes in this locale: wide characters take two, combining ones none.
int column_count(std::string_view text);

class Grid {
  public:
    struct Cell {
        std::string text =
            " ";  ///< one character and what combines with it; empty: the right half of a wide one
        Style style = Style::normal;

        bool operator==(const Cell&) const = default;
    };

    Grid(int width, int height);

    int width() const { return width_; }
    int height() const { return height_; }
    const Cell& at(int x, int y) const { return cells_[static_cast<std::size_t>(y * width_ + x)]; }
    /// Returns a line's text without the blanks at its end.
    std::string line(int y) const;

    /// Fills a line.
    void fill(int y, Style style, std::string_view character = " ");
    /// Gives cells of a line another style.
    void restyle(int x, int y, int width, Style style);
    /// Writes text that is one_line(); what does not fit into `width` columns, or into the grid, is cut off,
    /// and the last column that fits says so: `…`, or `~` in a locale that lacks it. Returns the column
    /// behind it.
    int put(int x, int y, std::string_view text, Style style = Style::normal, int width = 1 << 20);
    /// The same, to the right in these columns.
    void put_right(int x, int y, std::string_view text, int width, Style style = Style::normal);

  private:
    void set(int x, int y, std::string_view character, int columns, Style style);

    int width_, height_;
    std::vector<Cell> cells_;
};

}  // namespace btfs::cli
