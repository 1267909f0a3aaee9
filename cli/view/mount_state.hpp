// MountState and DetailsState: a mount's answers, parsed into values. Texts are as others gave them: code
// that shows them makes them one_line().
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace btfs::cli {

struct TorrentState {
    std::string name = {};
    std::string info_hash = {};
    std::string state = {};
    std::string error = {};
    std::uint64_t size = 0;  ///< bytes; 0 while it is not known
    std::uint64_t had = 0;
    std::uint64_t peers = 0, seeds = 0;
    std::uint64_t down = 0, up = 0;        ///< bytes per second
    std::optional<double> verifying = {};  ///< how much of it, while it is verified anew
};

struct ReaderState {
    std::string path = {};
    std::string process = {};
    std::string client = {};  ///< address of a reader over HTTP; empty: a process of this machine
    std::string why = {};
    std::uint64_t pid = 0, size = 0, rate = 0, waiting = 0;
    std::uint64_t position = 0, window_end = 0;
    double waited = 0;  ///< seconds
    bool scan = false;  ///< nothing is fetched ahead of it
};

struct MountState {
    std::string version = {};
    std::string proxy = {};
    double age = 0;  ///< seconds
    std::uint64_t port = 0, peers = 0, down = 0, up = 0;
    std::uint64_t received = 0, sent = 0;  ///< bytes
    struct Cache {
        std::uint64_t used = 0, limit = 0;
    };
    std::optional<Cache> cache = {};  ///< nothing: without a bound
    std::vector<ReaderState> readers = {};
    std::vector<TorrentState> torrents = {};
};

struct PeerState {
    std::string endpoint = {};
    std::string client = {};
    std::vector<std::string> flags = {};
    std::uint64_t pieces = 0, down = 0, up = 0, asked = 0;
    double round_trip = 0;  ///< seconds
};

struct FileState {
    std::string path = {};
    std::uint64_t size = 0;
    std::uint64_t offset_in_torrent = 0;
    std::optional<std::uint64_t> had = {};
    bool pinned = false;
};

struct TrackerState {
    std::string url = {};
    std::string family = {};  ///< "IPv4" or "IPv6"
    std::string message = {};
    bool working = false;
    std::optional<std::uint64_t> seeds = {};
    std::optional<std::uint64_t> leechers = {};
};

/// One torrent in full.
struct DetailsState {
    std::string info_hash = {};
    std::string name = {};
    std::string error = {};
    std::vector<PeerState> peers = {};
    std::vector<FileState> files = {};
    std::vector<TrackerState> trackers = {};
    std::uint64_t known_peers = 0;
    std::uint64_t piece_count = 0, piece_length = 0, pieces_had = 0;
    std::string map = {};
    std::string availability = {};  ///< as PieceCells has them; empty while there are no pieces
};

/// Takes what mount_json() has written. What is missing, or is something else, is left empty.
MountState mount_state(const boost::json::object& json);
/// Takes what torrent_details_json() has written, in the same way.
DetailsState details_state(const boost::json::object& json);

}  // namespace btfs::cli
