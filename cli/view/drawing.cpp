#include "cli/view/drawing.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "cli/text/human_size.hpp"
#include "cli/text/one_line.hpp"
#include "cli/view/columns.hpp"
#include "cli/view/short_text.hpp"

namespace btfs::cli {
namespace {

constexpr int kBarColumns = 10;
constexpr int kWide = 110;  // columns from which there is more to see

Style title_style(const ViewState& view, Pane pane) {
    return view.focus() == pane ? Style::active : Style::title;
}

std::string plural(std::size_t count, std::string_view word) {
    return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

/// Part of a line, and its style.
struct Piece {
    std::string text;
    Style style = Style::normal;
};

/// Writes parts one after the other, with `gap` blanks between; those that do not fit are left out.
void put_all(Grid& grid, int y, int gap, std::initializer_list<Piece> pieces) {
    int x = 0;
    for (const Piece& piece : pieces) {
        if (piece.text.empty()) continue;
        const int columns = column_count(piece.text);
        if (x > 0 && x + columns > grid.width()) break;
        x = grid.put(x, y, piece.text, piece.style) + gap;
    }
}

void draw_rates(Grid& grid, const ViewState& view, int y, int width) {
    const auto draw = [&](int x, std::string_view word, std::uint64_t rate, const RateHistory& history,
                          Style style) {
        x = grid.put(x, y, word, Style::dim) + 1;
        grid.put_right(x, y, human_size(rate) + "/s", 12, rate > 0 ? style : Style::dim);
        x += 13;
        grid.put(x, y, history.sparkline(static_cast<std::size_t>(std::max(0, width / 2 - 20))), style);
    };
    draw(0, "Down", view.mount().down, view.down(), Style::good);
    draw(width / 2, "Up  ", view.mount().up, view.up(), Style::notice);
}

void draw_cache(Grid& grid, const MountState& mount, int y, int width) {
    int x = grid.put(0, y, "Cache", Style::dim) + 1;
    const std::string totals =
        fmt::format("received {}, sent {}", human_size(mount.received), human_size(mount.sent));
    const int totals_at = width - column_count(totals);
    if (!mount.cache) {
        grid.put(x, y, "without a bound");
        if (totals_at > x + 17) grid.put(totals_at, y, totals, Style::dim);
        return;
    }
    const auto [used, limit] = *mount.cache;
    const int bar = std::clamp(width / 2 - 8, 10, 60);
    const double part = limit == 0 ? 0 : static_cast<double>(used) / static_cast<double>(limit);
    const int filled = std::clamp(static_cast<int>(part * bar + 0.5), 0, bar);
    x = grid.put(x, y, "[", Style::strong);
    grid.put(x, y, std::string(static_cast<std::size_t>(filled), '|'),
             part > 0.95 ? Style::notice : Style::good);
    x = grid.put(x + bar, y, "]", Style::strong) + 1;
    x = grid.put(x, y, fmt::format("{} of {}", human_size(used), human_size(limit))) + 2;
    if (totals_at >= x) grid.put(totals_at, y, totals, Style::dim);
}

/// Returns the time that a reader has waited, and for what; "-" if it does not wait.
std::string wait_of(const ReaderState& reader) {
    if (reader.waiting == 0) return "-";
    return short_time(reader.waited) + (reader.why.empty() ? "" : ": " + one_line(reader.why));
}

std::string bar_of(std::uint64_t had, std::uint64_t size, int width) {
    if (size == 0) return {};
    const auto filled = static_cast<int>(static_cast<double>(had) / static_cast<double>(size) * width);
    std::string bar;
    for (int i = 0; i < width; ++i) bar += i < filled ? "█" : "░";
    return bar;
}

Style style_of(const TorrentState& torrent) {
    if (!torrent.error.empty()) return Style::bad;
    if (torrent.size == 0) return Style::notice;
    if (torrent.down > 0) return Style::good;
    return Style::normal;
}

std::string state_of(const TorrentState& torrent) {
    if (!torrent.error.empty()) return one_line(torrent.state + ": " + torrent.error);
    if (torrent.verifying) return fmt::format("verifying {} %", static_cast<int>(100 * *torrent.verifying));
    if (torrent.state == "paused") return torrent.state;
    if (torrent.size > 0 && torrent.had >= torrent.size) return "complete";
    if (torrent.down > 0) return "fetching";
    return one_line(torrent.state);
}

}  // namespace

void draw_summary(Grid& grid, const ViewState& view, const Panes& panes) {
    const MountState& mount = view.mount();
    put_all(grid, 0, 2,
            {{"btfs " + one_line(mount.version), Style::strong},
             {plural(mount.torrents.size(), "torrent")},
             {plural(mount.peers, "peer")},
             {mount.port == 0 ? "no port" : fmt::format("port {}", mount.port)},
             {"for " + short_time(mount.age)},
             {panes.summary_lines < 3
                  ? fmt::format("down {}/s, up {}/s", short_size(mount.down), short_size(mount.up))
                  : ""},
             {mount.proxy.empty() ? "" : "proxy " + one_line(mount.proxy), Style::notice}});
    if (panes.summary_lines < 3) return;
    draw_rates(grid, view, 1, panes.width);
    draw_cache(grid, mount, 2, panes.width);
}

/// Returns "mpv 123", or of a reader over HTTP "VLC 192.0.2.7".
std::string reader_name(const ReaderState& reader) {
    const std::string process = one_line(reader.process);
    if (!reader.client.empty()) return (process.empty() ? "" : process + ' ') + one_line(reader.client);
    return reader.pid == 0 ? "-" : fmt::format("{} {}", process.empty() ? "?" : process, reader.pid);
}

void draw_readers(Grid& grid, const ViewState& view, const Panes& panes) {
    if (panes.readers_at == panes.torrents_at) return;
    const Style titles = title_style(view, Pane::readers);
    if (panes.readers_rows == 0) {
        grid.fill(panes.readers_at, titles);
        grid.put(0, panes.readers_at, "No file is open", titles);
        return;
    }
    const bool wide = panes.width >= kWide;
    const std::array columns{Column{"READS", 0},
                             Column{"PROCESS", wide ? 24 : 12, false, kNarrowWidth},
                             Column{"AT", 5, true, kNarrowWidth},
                             Column{"WINDOW", 6, true, kOrdinaryWidth},
                             Column{"RATE/S", 6, true, kOrdinaryWidth},
                             Column{"WAITS", wide ? 44 : 23}};
    const Columns table(columns, panes.width);
    table.draw_titles(grid, panes.readers_at, titles);
    for (int row = 0; row < panes.readers_rows; ++row) {
        const std::size_t index = view.readers().top + static_cast<std::size_t>(row);
        if (index >= view.mount().readers.size()) return;
        const ReaderState& reader = view.mount().readers[index];
        const std::uint64_t window =
            reader.window_end > reader.position ? reader.window_end - reader.position : 0;
        const std::array<std::string, 6> cells{short_path(one_line(reader.path), table.width(0)),
                                               reader_name(reader),
                                               short_percent(reader.position, reader.size),
                                               reader.scan   ? "scan"
                                               : window == 0 ? "-"
                                                             : short_size(window),
                                               short_rate(reader.rate),
                                               wait_of(reader)};
        const int y = panes.readers_at + 1 + row;
        const bool is_selected = view.focus() == Pane::readers && index == view.readers().selected;
        table.draw(grid, y, cells, Style::normal);
        if (reader.waiting > 0)
            grid.restyle(table.at(5), y, table.width(5), reader.waited >= 1 ? Style::bad : Style::notice);
        if (is_selected) grid.restyle(0, y, panes.width, Style::selected);
    }
}

void draw_torrents(Grid& grid, const ViewState& view, const Panes& panes) {
    const bool wide = panes.width >= kWide;
    std::array columns{Column{"TORRENT", 0},
                       Column{"SIZE", 5, true},
                       Column{"HAD", wide ? 16 : 4, true},
                       Column{"PEERS", 6, true, kOrdinaryWidth},
                       Column{"SEEDS", 5, true, kOrdinaryWidth},
                       Column{"DOWN/S", 7, true},
                       Column{"UP/S", 5, true, kOrdinaryWidth},
                       Column{"STATE", wide ? 30 : 17, false, kNarrowWidth}};
    constexpr std::array<SortBy, 8> kSorts{SortBy::name,  SortBy::size, SortBy::had, SortBy::peers,
                                           SortBy::mount, SortBy::down, SortBy::up,  SortBy::state};
    const Style titles = title_style(view, Pane::torrents);
    const std::string filter =
        view.filter().empty() ? "" : fmt::format("TORRENT with \"{}\"", one_line(view.filter()));
    if (!filter.empty()) columns[0].title = filter;
    const Columns table(columns, panes.width);
    table.draw_titles(grid, panes.torrents_at, titles);
    for (std::size_t i = 0; i < kSorts.size(); ++i) {
        if (kSorts[i] != view.sort() || view.sort() == SortBy::mount) continue;
        const bool ascends = view.is_reversed() == columns[i].right;  // numbers begin with the largest
        const std::string title = (ascends ? "▲" : "▼") + std::string(columns[i].title);
        const int at = table.at(i), width = table.width(i);
        grid.put(at, panes.torrents_at, std::string(static_cast<std::size_t>(width), ' '), titles);
        if (columns[i].right) {
            grid.put_right(at, panes.torrents_at, title, width, titles);
        } else {
            grid.put(at, panes.torrents_at, title, titles, width);
        }
    }
    for (int row = 0; row < panes.torrents_rows; ++row) {
        const std::size_t index = view.torrents().top + static_cast<std::size_t>(row);
        if (index >= view.order().size()) return;
        const TorrentState& torrent = view.mount().torrents[view.order()[index]];
        const std::string percent = short_percent(torrent.had, torrent.size);
        const std::array<std::string, 8> cells{
            one_line(torrent.name),
            torrent.size == 0 ? "-" : short_size(torrent.size),
            wide ? bar_of(torrent.had, torrent.size, kBarColumns) + fmt::format(" {:>5}", percent) : percent,
            fmt::format("{}", torrent.peers),
            fmt::format("{}", torrent.seeds),
            short_rate(torrent.down),
            short_rate(torrent.up),
            state_of(torrent)};
        const int y = panes.torrents_at + 1 + row;
        table.draw(grid, y, cells, Style::normal);
        const Style style = style_of(torrent);
        grid.restyle(table.at(7), y, table.width(7), style);
        if (wide) grid.restyle(table.at(2), y, kBarColumns, Style::good);
        if (torrent.down > 0) grid.restyle(table.at(5), y, table.width(5), Style::good);
        if (torrent.up > 0) grid.restyle(table.at(6), y, table.width(6), Style::notice);
        if (index == view.torrents().selected)
            grid.restyle(0, y, panes.width, view.focus() == Pane::torrents ? Style::selected : Style::strong);
    }
}

namespace {

/// Draws a line in which a text is typed; `hint` stands behind it unless there is a notice.
void draw_input(Grid& grid, int y, std::string_view title, const std::string& text, std::string_view hint,
                const std::string& notice) {
    grid.fill(y, Style::label);
    int x = grid.put(0, y, fmt::format("{}: {}", title, one_line(text)), Style::label);
    x = grid.put(x, y, "_", Style::label) + 2;
    grid.put(x, y, notice.empty() ? hint : one_line(notice), Style::label);
}

/// Draws the question before a removal. The answers are always visible; a long name is cut off.
void draw_question(Grid& grid, int y, const std::string& name) {
    constexpr std::string_view kAnswers = "y: yes, D: with its data, n: no";
    const std::string quoted = fmt::format("Remove \"{}\"?", one_line(name));
    const int room = grid.width() - column_count(kAnswers) - 1;
    grid.fill(y, Style::label);
    int x = 0;
    if (room > 0) x = grid.put(0, y, quoted, Style::label, room) + 1;
    grid.put(x, y, kAnswers, Style::label);
}

}  // namespace

void draw_keys(Grid& grid, const ViewState& view, const Panes& panes) {
    const int y = panes.keys_at;
    switch (view.mode()) {
        case KeyMode::search:
            return draw_input(grid, y, "Search", view.search(), "F3 next, Esc back", view.notice());
        case KeyMode::filter:
            return draw_input(grid, y, "Filter", view.filter(), "Enter keeps it, Esc ends it", view.notice());
        case KeyMode::question:
            return draw_question(grid, y, view.question_name());
        case KeyMode::lists:
        case KeyMode::help:
        case KeyMode::sort_menu:
            break;
    }
    if (!view.notice().empty()) {
        const bool is_problem = view.notice_kind() == ViewState::NoticeKind::problem;
        grid.put(0, y, one_line(view.notice()), is_problem ? Style::bad : Style::notice);
        return;
    }
    int x = 0;
    for (const auto& [key, label] :
         std::initializer_list<std::pair<const char*, const char*>>{{"F1", "Help"},
                                                                    {"F3", "Search"},
                                                                    {"F4", "Filter"},
                                                                    {"F6", "Sort"},
                                                                    {"Space", "Pause"},
                                                                    {"P", "Pin"},
                                                                    {"F9", "Remove"},
                                                                    {"Tab", "Pane"},
                                                                    {"F10", "Quit"}}) {
        if (x + column_count(key) + column_count(label) > panes.width) break;
        x = grid.put(x, y, key, Style::key);
        x = grid.put(x, y, label, Style::label) + 1;
    }
}

namespace {

/// Draws lines of text in a box in the middle of the screen.
void draw_box(Grid& grid, int columns, std::span<const char* const> lines) {
    const int count = static_cast<int>(lines.size());
    const int top = std::max(0, (grid.height() - count) / 2 - 1);
    const int width = std::min(grid.width(), columns), left = (grid.width() - width) / 2;
    for (int i = -1; i <= count; ++i) {
        const int y = top + 1 + i;
        const bool is_text = i >= 0 && i < count;
        grid.put(left, y, std::string(static_cast<std::size_t>(width), ' '), Style::title);
        if (is_text) grid.put(left + 2, y, lines[static_cast<std::size_t>(i)], Style::title, width - 3);
    }
}

}  // namespace

void draw_sort_menu(Grid& grid, const ViewState& view, const Panes& panes) {
    const int width = std::min(panes.width, 30);
    const auto draw = [&](int row, std::string_view text, Style style) {
        const int y = panes.torrents_at + row;
        if (y >= grid.height()) return;
        grid.put(0, y, std::string(static_cast<std::size_t>(width), ' '), style);
        grid.put(1, y, text, style, std::max(0, width - 2));
    };
    draw(0, "Sort by (Enter chooses)", Style::active);
    for (std::size_t i = 0; i < kSortCount; ++i)
        draw(static_cast<int>(i) + 1, kSortNames[i],
             i == view.sort_choice() ? Style::selected : Style::title);
}

void draw_help(Grid& grid) {
    constexpr std::array kLines{
        "Keys",
        "  ↑ ↓ PgUp PgDn Home End   move in the list (j k g G)",
        "  Tab, Enter               another pane; of a file being read: its torrent",
        "  ← →, 1 2 3               peers, files or trackers of the torrent",
        "  F3 or /, n               search by name or info-hash, next one",
        "  F4 or \\                  show only torrents with a text in their names",
        "  F6; < >; I               choose the sort column; next one; reverse",
        "  Space or p               pause the torrent, or let it go on",
        "  P                        pin or unpin the torrent, or a file in its list",
        "  F9 or Del                remove the torrent, after a question",
        "  F1, h or ?; F10 or q     these lines; quit",
        "Piece map",
        "  █ verified   ▓ of an earlier run   ▒ ░ in part   ▖ on its way   · missing",
        "  A reader of it, and what is fetched ahead of that, stand out there.",
        "  Large screens show below it how many peers have the rarest missing piece.",
        "Flags of a peer",
        "  D we download (d: it chokes us)   U it downloads (u: we choke it)",
        "  I it connected to us  E encrypted  P uTP  W web seed  S it does not answer",
        "Reads: AT is the reader's place, WINDOW what is fetched ahead of it;",
        "  scan: it looks into files, such as a thumbnailer, and gets nothing ahead.",
        "Any key closes this."};
    draw_box(grid, 86, kLines);
}

Grid draw_view(const ViewState& view, const Panes& panes) {
    Grid grid(panes.width, panes.height);
    draw_summary(grid, view, panes);
    draw_readers(grid, view, panes);
    draw_torrents(grid, view, panes);
    draw_details(grid, view, panes);
    draw_keys(grid, view, panes);
    if (view.mode() == KeyMode::sort_menu) draw_sort_menu(grid, view, panes);
    if (view.mode() == KeyMode::help) draw_help(grid);
    return grid;
}

}  // namespace btfs::cli
