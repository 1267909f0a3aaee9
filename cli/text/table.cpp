#include "cli/text/table.hpp"

#include <algorithm>

#include "engine/metainfo/utf8.hpp"

namespace btfs::cli {
namespace {

/// Returns how many characters a terminal shows, if each takes one place.
std::size_t width_of(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty()) {
        text.remove_prefix(std::max<std::size_t>(1, utf8_character_size(text)));
        ++width;
    }
    return width;
}

}  // namespace

std::string table(const std::vector<Row>& rows, std::string_view indent) {
    constexpr std::size_t kGap = 2;
    if (rows.empty()) return {};
    std::vector<std::size_t> widths(rows.front().size());
    for (const Row& row : rows)
        for (std::size_t i = 0; i + 1 < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
    std::string out;
    for (const Row& row : rows) {
        out += indent;
        for (std::size_t i = 0; i + 1 < row.size(); ++i)
            out += row[i] + std::string(widths[i] + kGap - width_of(row[i]), ' ');
        out += row.back() + '\n';
    }
    return out;
}

}  // namespace btfs::cli
