#include "cli/view/piece_bar.hpp"

#include <algorithm>

namespace btfs::cli {
namespace {

/// Calls f(first, end) with the cells of each column. Cells fewer than columns take several columns each.
template <class F>
void each_column(std::size_t cells, std::size_t columns, F f) {
    if (cells == 0) return;
    for (std::size_t i = 0; i < columns; ++i) {
        const std::size_t first = i * cells / columns;
        f(first, std::max(first + 1, (i + 1) * cells / columns));
    }
}

bool is_had(char state) {
    return state == '#' || state == '=';
}

BarCell cell_of(std::string_view states) {
    std::size_t tenths = 0;
    bool all = true, any_earlier = false, any_begun = false;
    for (const char state : states) {
        all = all && is_had(state);
        any_earlier = any_earlier || state == '=';
        any_begun = any_begun || state == '-';
        if (is_had(state)) tenths += 10;
        if (state >= '1' && state <= '9') tenths += static_cast<std::size_t>(state - '0');
    }
    if (all) return any_earlier ? BarCell{"▓", Style::good} : BarCell{"█", Style::good};
    if (tenths >= 5 * states.size()) return {"▒", Style::good};
    if (tenths > 0) return {"░", Style::good};
    if (any_begun) return {"▖", Style::notice};
    return {"·", Style::dim};
}

}  // namespace

std::vector<BarCell> piece_bar(std::string_view states, std::size_t columns) {
    std::vector<BarCell> bar;
    each_column(states.size(), columns, [&](std::size_t first, std::size_t end) {
        bar.push_back(cell_of(states.substr(first, end - first)));
    });
    return bar;
}

std::string availability_bar(std::string_view states, std::string_view availability, std::size_t columns) {
    std::string bar;
    if (states.size() != availability.size()) return bar;
    each_column(states.size(), columns, [&](std::size_t first, std::size_t end) {
        char least = ' ';
        for (std::size_t i = first; i < end; ++i)
            if (!is_had(states[i]) && (least == ' ' || availability[i] < least)) least = availability[i];
        bar += least;
    });
    return bar;
}

}  // namespace btfs::cli
