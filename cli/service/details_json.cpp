#include "cli/service/details_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "cli/service/piece_cells.hpp"
#include "cli/service/status_json.hpp"
#include "engine/metainfo/utf8.hpp"

namespace btfs::cli {
namespace {

boost::json::object pieces_json(const PieceMap& pieces) {
    PieceCells cells = piece_cells(pieces);
    return {{"count", pieces.had.size()}, {"length", pieces.piece_length},
            {"had", pieces.had.count()},  {"per_cell", cells.per_cell},
            {"map", cells.states},        {"availability", cells.availability}};
}

boost::json::object file_json(const FileReport& file) {
    boost::json::object json{{"path", to_valid_utf8(file.path)},
                             {"size", file.size},
                             {"offset", file.offset_in_torrent},
                             {"had", nullptr},
                             {"pinned", file.pinned}};
    if (file.had) json["had"] = *file.had;
    return json;
}

}  // namespace

boost::json::object torrent_details_json(const DetailsReport& report) {
    boost::json::object json = torrent_json(report.torrent);
    boost::json::array trackers, connections, files;
    json["known_peers"] = report.torrent.status ? report.torrent.status->peers_known : 0;
    const TimePoint now = Clock::now();
    for (const tracker::TrackerStatus& tracker : report.trackers)
        trackers.push_back(tracker_json(tracker, now));
    if (report.torrent.status)
        for (const PeerStatus& peer : report.torrent.status->connections)
            connections.push_back(peer_json(peer));
    for (const FileReport& file : report.files) files.push_back(file_json(file));
    json["trackers"] = std::move(trackers);
    json["connections"] = std::move(connections);
    json["files"] = std::move(files);
    json["pieces"] = nullptr;
    if (report.pieces) json["pieces"] = pieces_json(*report.pieces);
    return json;
}

}  // namespace btfs::cli
