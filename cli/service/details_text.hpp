// Details of one torrent as text: `.btfs/torrents/HASH/pieces` and `peers`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/service/details_report.hpp"

namespace btfs::cli {

/// A word for each flag that holds: see peer_json().
std::vector<std::string_view> peer_flags(const PeerStatus& peer);

/// Lines of "key: value": `pieces`, `length` (of a piece, in bytes), `had`, `per-cell`; then "map:" and the
/// lines of PieceCells::states, and "availability:" and the lines of that, kCellsPerLine cells on each. While
/// the metadata is missing there are 0 pieces, and nothing else.
std::string pieces_text(const DetailsReport& report);
inline constexpr std::size_t kCellsPerLine = 64;

/// A line of titles, and one for each connection: endpoint, flags (words with commas between), bytes of
/// content per second that come and go, bytes received, sent and asked, round trip in milliseconds, and the
/// client last. Two blanks or more stand between columns; text from others is one_line(), and `-` if there is
/// none.
std::string peers_text(const DetailsReport& report);

}  // namespace btfs::cli
