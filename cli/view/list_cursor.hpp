// Cursor in a list of which a window of rows is visible.
#pragma once

#include <algorithm>
#include <cstddef>

#include "cli/view/keys.hpp"

namespace btfs::cli {

struct ListCursor {
    std::size_t selected = 0;
    std::size_t top = 0;  ///< the first row that is visible

    /// Keeps both within a list of `count` rows, and the selected row among the `rows` that are visible.
    void fit(std::size_t count, std::size_t rows) {
        selected = count == 0 ? 0 : std::min(selected, count - 1);
        rows = std::max<std::size_t>(rows, 1);
        top = std::min(top, count > rows ? count - rows : 0);
        if (selected < top) top = selected;
        if (selected >= top + rows) top = selected - rows + 1;
    }
    /// Returns false for a key that does not move in lists.
    bool press(Key key, std::size_t count, std::size_t rows) {
        const std::size_t page = std::max<std::size_t>(rows, 2) - 1;
        switch (key) {
            case Key::up:
                selected -= std::min<std::size_t>(selected, 1);
                break;
            case Key::down:
                ++selected;
                break;
            case Key::page_up:
                selected -= std::min(selected, page);
                break;
            case Key::page_down:
                selected += page;
                break;
            case Key::home:
                selected = 0;
                break;
            case Key::end:
                selected = count;
                break;
            default:
                return false;
        }
        fit(count, rows);
        return true;
    }
};

}  // namespace btfs::cli
