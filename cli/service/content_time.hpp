// The modification time that a torrent's files show.
#pragma once

#include <cstdint>
#include <optional>

namespace btfs::cli {

/// The time that a creation date in a torrent file means, in seconds since 1970: the date itself from 1970 to
/// a day after `now`; a thousandth of it if only that is a time after BitTorrent's invention and before then,
/// since some programs write milliseconds. Nothing if the date makes no sense.
std::optional<std::int64_t> creation_time(std::int64_t creation_date, std::int64_t now);

}  // namespace btfs::cli
