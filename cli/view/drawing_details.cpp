// Drawing of the live view: the selected torrent.
#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "cli/text/human_size.hpp"
#include "cli/text/one_line.hpp"
#include "cli/view/columns.hpp"
#include "cli/view/drawing.hpp"
#include "cli/view/piece_bar.hpp"
#include "cli/view/short_text.hpp"

namespace btfs::cli {
namespace {

/// The title has the torrent's name at the left, and the tabs at the right.
void draw_title(Grid& grid, const ViewState& view, const TorrentState& torrent, const Panes& panes) {
    const int y = panes.details_at;
    const Style style = view.focus() == Pane::details ? Style::active : Style::title;
    const DetailsState* const details = view.details();
    const auto tab = [&](Tab which, std::string_view name, std::size_t count) {
        const std::string text = details ? fmt::format("{} {}", name, count) : std::string(name);
        return view.tab() == which ? fmt::format("[{}]", text) : fmt::format(" {} ", text);
    };
    const std::string tabs = tab(Tab::peers, "peers", details ? details->peers.size() : 0) +
                             tab(Tab::files, "files", details ? details->files.size() : 0) +
                             tab(Tab::trackers, "trackers", details ? details->trackers.size() : 0);
    grid.fill(y, style);
    const int tabs_at = std::max(0, panes.width - column_count(tabs));
    grid.put(0, y, one_line(torrent.name), style, tabs_at - 1);
    grid.put(tabs_at, y, tabs, style);
}

/// How many connected peers have the rarest piece that is missing, 9 for more; nothing if none is missing.
std::optional<int> rarest_missing(const DetailsState& details) {
    const std::string all = availability_bar(details.map, details.availability, details.map.size());
    std::optional<int> rarest;
    for (const char digit : all)
        if (digit >= '0' && digit <= '9') rarest = std::min(rarest.value_or(9), digit - '0');
    return rarest;
}

/// Shows on the piece map, of `columns` that begin on line `y` and go on `step` lines below, where each
/// reader of the torrent is, and what is read ahead of it.
void mark_readers(Grid& grid, const ViewState& view, const DetailsState& details, int y, int step,
                  std::size_t columns) {
    std::vector<const ReaderState*> readers;
    for (const ReaderState& reader : view.mount().readers)
        if (reader.path.starts_with(details.name)) readers.push_back(&reader);
    const double size = static_cast<double>(details.piece_count) * static_cast<double>(details.piece_length);
    if (readers.empty() || size <= 0 || columns == 0) return;
    const auto column_of = [&](std::uint64_t offset_in_torrent) {
        const double part = std::min(1.0, static_cast<double>(offset_in_torrent) / size);
        return std::min(columns - 1, static_cast<std::size_t>(part * static_cast<double>(columns)));
    };
    const auto mark = [&](std::size_t column, Style style, bool missing_alone) {
        const int x = static_cast<int>(column) % grid.width();
        const int line = y + static_cast<int>(column) / grid.width() * step;
        if (!missing_alone || grid.at(x, line).style == Style::dim) grid.restyle(x, line, 1, style);
    };
    for (const FileState& file : details.files) {
        for (const ReaderState* const reader : readers) {
            if (reader->path != file.path) continue;
            const std::size_t first = column_of(file.offset_in_torrent + reader->position);
            if (reader->window_end > reader->position) {
                const std::size_t last = column_of(file.offset_in_torrent + reader->window_end - 1);
                for (std::size_t at = first; at <= last; ++at) mark(at, Style::notice, true);
            }
            mark(first, Style::selected, false);
        }
    }
}

void draw_pieces(Grid& grid, const ViewState& view, const DetailsState& details, const Panes& panes) {
    const int y = panes.details_at + 1;
    if (details.map.empty()) {
        grid.put(0, y,
                 details.error.empty() ? "Its metadata is missing: there are no pieces yet"
                                       : one_line(details.error),
                 details.error.empty() ? Style::notice : Style::bad);
        return;
    }
    std::string text = fmt::format("{} of {} pieces of {}", details.pieces_had, details.piece_count,
                                   human_size(details.piece_length));
    const auto peers = [](std::uint64_t count) {
        return fmt::format("{} peer{}", count, count == 1 ? "" : "s");
    };
    if (const auto rarest = rarest_missing(details))
        text += fmt::format(", the rarest missing at {}",
                            *rarest == 9 ? "9 peers or more" : peers(static_cast<std::uint64_t>(*rarest)));
    text += fmt::format(", {} known", peers(details.known_peers));
    if (!details.info_hash.empty() && panes.width >= 110) text += "   " + one_line(details.info_hash);
    grid.put(0, y, text, Style::dim);
    const auto width = static_cast<std::size_t>(panes.width);
    const std::size_t columns = width * static_cast<std::size_t>(panes.map_lines);
    const int step = panes.map_step();
    const auto bar = piece_bar(details.map, columns);
    for (std::size_t i = 0; i < bar.size(); ++i)
        grid.put(static_cast<int>(i % width), y + 1 + static_cast<int>(i / width) * step, bar[i].text,
                 bar[i].style);
    mark_readers(grid, view, details, y + 1, step, bar.size());
    if (!panes.has_availability) return;
    const std::string availability = availability_bar(details.map, details.availability, columns);
    for (std::size_t i = 0; i < availability.size(); i += width)
        grid.put(0, y + 2 + static_cast<int>(i / width) * step, availability.substr(i, width), Style::dim);
}

/// Rows of a tab: its columns, and the cells of one row.
struct Rows {
    std::vector<Column> columns;
    std::vector<std::string> (*cells)(const DetailsState&, std::size_t row);
    const char* none;
};

std::vector<std::string> peer_cells(const DetailsState& details, std::size_t row) {
    const PeerState& peer = details.peers[row];
    return {one_line(peer.endpoint),
            flag_letters(peer.flags),
            short_rate(peer.down),
            short_rate(peer.up),
            short_percent(peer.pieces, details.piece_count),
            peer.asked == 0 ? "-" : short_size(peer.asked),
            fmt::format("{:.0f} ms", 1000 * peer.round_trip),
            one_line(peer.client)};
}

std::vector<std::string> file_cells(const DetailsState& details, std::size_t row) {
    const FileState& file = details.files[row];
    std::string_view path = file.path;  // the title has the torrent's name
    if (path.starts_with(details.name) && path.substr(details.name.size()).starts_with('/'))
        path.remove_prefix(details.name.size() + 1);
    return {one_line(path), short_size(file.size),
            file.had ? short_percent(*file.had, file.size) : std::string("-"), file.pinned ? "pinned" : ""};
}

std::vector<std::string> tracker_cells(const DetailsState& details, std::size_t row) {
    const TrackerState& tracker = details.trackers[row];
    const auto count = [](const std::optional<std::uint64_t>& number) {
        return number ? fmt::format("{}", *number) : std::string("-");
    };
    return {one_line(tracker.url), one_line(tracker.family), count(tracker.seeds), count(tracker.leechers),
            !tracker.message.empty() ? one_line(tracker.message)
            : tracker.working        ? "working"
                                     : "not asked yet"};
}

Rows rows_of(Tab tab, int width) {
    const bool wide = width >= 110;
    switch (tab) {
        case Tab::peers:
            return {{{"PEER", wide ? 47 : 21},
                     {"FLAGS", 6},
                     {"DOWN/S", 6, true},
                     {"UP/S", 5, true},
                     {"HAS", 4, true},
                     {"ASKED", 5, true, kOrdinaryWidth},
                     {"RTT", 7, true, kOrdinaryWidth},
                     {"CLIENT", 0}},
                    peer_cells,
                    "No peer is connected"};
        case Tab::files:
            return {{{"FILE", 0}, {"SIZE", 5, true}, {"HAD", 5, true}, {"PINNED", 6}},
                    file_cells,
                    "Its files are not known yet"};
        case Tab::trackers:
            break;
    }
    return {{{"TRACKER", wide ? 60 : 36},
             {"OVER", 4},
             {"SEEDS", 5, true, kOrdinaryWidth},
             {"LEECHERS", 8, true, kOrdinaryWidth},
             {"SAYS", 0}},
            tracker_cells,
            "It has no trackers"};
}

std::size_t count_of(Tab tab, const DetailsState& details) {
    switch (tab) {
        case Tab::peers:
            return details.peers.size();
        case Tab::files:
            return details.files.size();
        case Tab::trackers:
            break;
    }
    return details.trackers.size();
}

/// Draws a tab's titles and rows on the lines [y, end); returns the line behind them. The tab that has the
/// keys shows where its cursor is, others their beginning.
int draw_tab(Grid& grid, const ViewState& view, const DetailsState& details, Tab tab, int y, int end) {
    const Rows rows = rows_of(tab, grid.width());
    const std::size_t count = count_of(tab, details);
    if (count == 0) {
        grid.put(0, y, rows.none, Style::dim);
        return y + 1;
    }
    const bool is_shown = tab == view.tab();
    const ListCursor cursor = is_shown ? view.detail_rows() : ListCursor{};
    const Columns table(rows.columns, grid.width());
    table.draw_titles(grid, y++, Style::dim);
    for (std::size_t index = cursor.top; index < count && y < end; ++index, ++y) {
        std::vector<std::string> cells = rows.cells(details, index);
        if (tab == Tab::files) cells[0] = short_path(cells[0], table.width(0));
        table.draw(grid, y, cells, Style::normal);
        if (is_shown && view.focus() == Pane::details && index == cursor.selected)
            grid.restyle(0, y, grid.width(), Style::selected);
    }
    return y;
}

}  // namespace

void draw_details(Grid& grid, const ViewState& view, const Panes& panes) {
    const TorrentState* const torrent = view.selected();
    if (!panes.has_details() || !torrent) return;
    draw_title(grid, view, *torrent, panes);
    const DetailsState* const details = view.details();
    if (!details) {
        if (!torrent->error.empty()) grid.put(0, panes.details_at + 1, one_line(torrent->error), Style::bad);
        return;
    }
    draw_pieces(grid, view, *details, panes);
    const int end = panes.keys_at;
    int y = draw_tab(grid, view, *details, view.tab(), end - panes.details_rows - 1, end);
    // A large screen has room for the other tabs, too.
    for (const Tab tab : {Tab::peers, Tab::files, Tab::trackers})
        if (tab != view.tab() && end - y >= 4) y = draw_tab(grid, view, *details, tab, y + 1, end);
}

}  // namespace btfs::cli
