#include "cli/service/details_text.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "cli/service/piece_cells.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/table.hpp"

namespace btfs::cli {
namespace {

std::string cell_lines(std::string_view cells) {
    std::string text;
    for (; !cells.empty(); cells.remove_prefix(std::min(kCellsPerLine, cells.size())))
        text += std::string(cells.substr(0, kCellsPerLine)) + '\n';
    return text;
}

std::string joined(const std::vector<std::string_view>& words) {
    std::string text;
    for (const std::string_view word : words) text += (text.empty() ? "" : ",") + std::string(word);
    return text.empty() ? "-" : text;
}

}  // namespace

std::vector<std::string_view> peer_flags(const PeerStatus& peer) {
    std::vector<std::string_view> flags;
    const auto flag = [&](bool holds, std::string_view word) {
        if (holds) flags.push_back(word);
    };
    flag(peer.web_seed, "web_seed");
    flag(peer.utp, "utp");
    flag(peer.encrypted, "encrypted");
    flag(peer.incoming, "incoming");
    flag(peer.seed, "seed");
    flag(peer.interested_in_us, "interested");
    flag(peer.interesting, "interesting");
    flag(peer.chokes_us, "chokes_us");
    flag(peer.choked, "choked");
    flag(peer.snubbed, "snubbed");
    return flags;
}

std::string pieces_text(const DetailsReport& report) {
    if (!report.pieces) return "pieces: 0\n";
    const PieceCells cells = piece_cells(*report.pieces);
    return fmt::format("pieces: {}\nlength: {}\nhad: {}\nper-cell: {}\nmap:\n{}availability:\n{}",
                       report.pieces->had.size(), report.pieces->piece_length, report.pieces->had.count(),
                       cells.per_cell, cell_lines(cells.states), cell_lines(cells.availability));
}

std::string peers_text(const DetailsReport& report) {
    std::vector<Row> rows{{"PEER", "FLAGS", "DOWN", "UP", "RECEIVED", "SENT", "ASKED", "RTT", "CLIENT"}};
    if (report.torrent.status) {
        for (const PeerStatus& peer : report.torrent.status->connections)
            rows.push_back({peer.endpoint.text(), joined(peer_flags(peer)), fmt::format("{:.0f}", peer.down),
                            fmt::format("{:.0f}", peer.up), fmt::format("{}", peer.received),
                            fmt::format("{}", peer.sent), fmt::format("{}", peer.bytes_asked),
                            fmt::format("{:.0f}", 1000 * peer.round_trip_s),
                            peer.client.empty() ? "-" : one_line(peer.client)});
    }
    return table(rows);
}

}  // namespace btfs::cli
