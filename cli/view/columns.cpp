#include "cli/view/columns.hpp"

#include <algorithm>

namespace btfs::cli {

Columns::Columns(std::span<const Column> columns, int width) {
    int taken = -1;
    for (const Column& column : columns)
        if (width >= column.from) taken += column.width + 1;
    int x = 0;
    for (const Column& column : columns) {
        if (width < column.from) {
            places_.push_back({x, 0, column.right, column.title});
            continue;
        }
        const int own = column.width > 0 ? column.width : std::max(8, width - taken);
        places_.push_back({x, own, column.right, column.title});
        x += own + 1;
    }
}

void Columns::draw_titles(Grid& grid, int y, Style style) const {
    std::vector<std::string> titles;
    for (const Place& place : places_) titles.emplace_back(place.title);
    grid.fill(y, style);
    draw(grid, y, titles, style);
}

void Columns::draw(Grid& grid, int y, std::span<const std::string> cells, Style style) const {
    for (std::size_t i = 0; i < std::min(cells.size(), places_.size()); ++i) {
        const Place& place = places_[i];
        if (place.right) {
            grid.put_right(place.x, y, cells[i], place.width, style);
        } else {
            grid.put(place.x, y, cells[i], style, place.width);
        }
    }
}

}  // namespace btfs::cli
