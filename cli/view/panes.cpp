#include "cli/view/panes.hpp"

#include <algorithm>

namespace btfs::cli {
namespace {

constexpr int kSmallHeight = 12;  // below this there is the list of torrents alone
constexpr int kLargeHeight = 36;
constexpr int kMinTorrents = 3;

int rows_for(std::size_t count, int most) {
    return static_cast<int>(std::min<std::size_t>(count, static_cast<std::size_t>(std::max(0, most))));
}

}  // namespace

Panes plan_panes(int width, int height, std::size_t readers, std::size_t torrents) {
    Panes panes{.width = std::max(1, width), .height = std::max(1, height)};
    const bool is_small = panes.height < kSmallHeight, is_large = panes.height >= kLargeHeight;
    panes.summary_lines = is_small ? std::min(1, panes.height - 1) : 3;
    panes.keys_at = panes.height - 1;
    int at = panes.summary_lines;
    int left = panes.keys_at - at;
    panes.readers_at = at;
    if (!is_small) {
        panes.readers_rows = rows_for(readers, is_large ? left / 5 : 3);
        at += 1 + panes.readers_rows;
        left -= 1 + panes.readers_rows;
    }
    panes.torrents_at = at;
    if (is_small) {
        panes.torrents_rows = std::max(0, left - 1);
        return panes;
    }
    // The details get what the torrents do not need, and at least half.
    panes.map_lines = is_large ? 3 : 1;
    panes.has_availability = is_large;
    const int fixed = 3 + panes.map_lines * panes.map_step();
    const int most = std::max(kMinTorrents, left / 2 - 1);
    panes.torrents_rows = std::max(kMinTorrents, rows_for(torrents, most));
    panes.details_at = at + 1 + panes.torrents_rows;
    panes.details_lines = panes.keys_at - panes.details_at;
    panes.details_rows = panes.details_lines - fixed;
    if (panes.details_rows >= 1) return panes;
    panes.map_lines = panes.details_lines = panes.details_rows = 0;
    panes.has_availability = false;
    panes.torrents_rows = std::max(0, left - 1);
    return panes;
}

}  // namespace btfs::cli
