#include "cli/view/grid.hpp"

#include <langinfo.h>
#include <wchar.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/metainfo/utf8.hpp"

namespace btfs::cli {
namespace {

bool locale_is_utf8() {
    return std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/// A character of a text, as this locale shows it.
struct Shown {
    std::string_view text;
    int columns = 1;
};

/// Returns the ASCII character that replaces one of ours in a locale that lacks it.
std::string_view plain(std::string_view character) {
    constexpr std::pair<std::string_view, std::string_view> kPlain[] = {
        {"█", "#"}, {"▓", "="}, {"▒", "+"}, {"░", "-"}, {"▖", ":"}, {"·", "."}, {"▁", "."},
        {"…", "~"}, {"▂", "."}, {"▃", "-"}, {"▄", "-"}, {"▅", "="}, {"▆", "="}, {"▇", "#"},
        {"▲", "^"}, {"▼", "v"}, {"←", "<"}, {"→", ">"}, {"↑", "^"}, {"↓", "v"}};
    for (const auto& [ours, instead] : kPlain)
        if (character == ours) return instead;
    return "?";
}

/// Takes the first character off.
Shown take_character(std::string_view& text) {
    const std::size_t size = std::max<std::size_t>(1, utf8_character_size(text));
    const Shown unknown{"?", 1};
    const std::string_view character = text.substr(0, size);
    text.remove_prefix(size);
    if (static_cast<unsigned char>(character[0]) < 0x80) return {character, 1};
    if (!locale_is_utf8()) return {plain(character), 1};
    wchar_t wide = 0;
    std::mbstate_t state{};
    if (std::mbrtowc(&wide, character.data(), character.size(), &state) != character.size()) return unknown;
    const int columns = wcwidth(wide);
    return columns < 0 ? unknown : Shown{character, columns};
}

}  // namespace

int column_count(std::string_view text) {
    int columns = 0;
    while (!text.empty()) columns += take_character(text).columns;
    return columns;
}

Grid::Grid(int width, int height)
    : width_(std::max(1, width)),
      height_(std::max(1, height)),
      cells_(static_cast<std::size_t>(width_ * height_)) {}

std::string Grid::line(int y) const {
    std::string text;
    for (int x = 0; x < width_; ++x) text += at(x, y).text;
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

void Grid::fill(int y, Style style, std::string_view character) {
    for (int x = 0; x < width_; ++x) set(x, y, character, 1, style);
}

void Grid::restyle(int x, int y, int width, Style style) {
    if (y < 0 || y >= height_) return;
    for (int i = std::max(0, x); i < std::min(x + width, width_); ++i)
        cells_[static_cast<std::size_t>(y * width_ + i)].style = style;
}

void Grid::set(int x, int y, std::string_view character, int columns, Style style) {
    if (y < 0 || y >= height_ || x < 0 || x + columns > width_) return;
    Cell* const cell = &cells_[static_cast<std::size_t>(y * width_ + x)];
    if (cell->text.empty() && x > 0) cell[-1].text = " ";  // half of a wide one is overwritten
    if (x + columns < width_ && cell[columns].text.empty()) cell[columns].text = " ";
    *cell = {std::string(character), style};
    if (columns == 2) cell[1] = {"", style};
}

int Grid::put(int x, int y, std::string_view text, Style style, int width) {
    const int end = std::min(x + std::max(0, width), width_);
    const bool fits = column_count(text) <= end - x;
    const int text_end = fits ? end : end - 1;
    while (!text.empty()) {
        const Shown shown = take_character(text);
        if (shown.columns == 0) {
            if (x > 0 && x <= end && y >= 0 && y < height_) {
                Cell* const cell = &cells_[static_cast<std::size_t>(y * width_ + x - 1)];
                (cell->text.empty() ? cell[-1] : *cell).text += shown.text;
            }
            continue;
        }
        if (x + shown.columns > text_end) break;
        set(x, y, shown.text, shown.columns, style);
        x += shown.columns;
    }
    if (!fits && x < end) set(x++, y, locale_is_utf8() ? "…" : "~", 1, style);
    return x;
}

void Grid::put_right(int x, int y, std::string_view text, int width, Style style) {
    put(x + std::max(0, width - column_count(text)), y, text, style, std::min(width, column_count(text)));
}

}  // namespace btfs::cli
