#include "cli/service/details_json.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace btfs::cli {
namespace {

TEST(DetailsJson, ATorrentHasItsFilesTrackersAndPieces) {
    DetailsReport report{.torrent = {.entry = {.name = "film"}, .status = TorrentStatus{}}};
    report.torrent.status->connections.resize(1);
    report.torrent.status->peers_known = 7;
    report.trackers.resize(2);
    report.trackers[1].url = "http://u:p@t.example/announce?passkey=1";
    report.files = {{.path = "film/a\xff", .size = 10, .offset_in_torrent = 3, .had = 4, .pinned = true},
                    {.path = "film/b"}};
    report.pieces = PieceMap{.piece_length = 16384,
                             .had = Bitfield(2),
                             .begun = Bitfield(2),
                             .earlier = Bitfield(2),
                             .availability = {1, 0}};
    report.pieces->had.set(PieceIndex(0));
    const boost::json::object json = torrent_details_json(report);
    EXPECT_EQ(json.at("name"), "film");
    EXPECT_EQ(json.at("known_peers"), 7);
    EXPECT_EQ(json.at("connections").as_array().size(), 1u);
    EXPECT_EQ(json.at("trackers").at(1).at("url"), "http://t.example") << "no secrets";
    EXPECT_EQ(json.at("files"), boost::json::parse(R"([
        {"path": "film/a)"
                                                   "\xef\xbf\xbd"
                                                   R"(", "size": 10, "offset": 3, "had": 4, "pinned": true},
        {"path": "film/b", "size": 0, "offset": 0, "had": null, "pinned": false}])"));
    EXPECT_EQ(json.at("pieces"), boost::json::parse(R"(
        {"count": 2, "length": 16384, "had": 1, "per_cell": 1, "map": "#.", "availability": "10"})"));
}

TEST(DetailsJson, ATorrentWithoutMetadataHasNoPieces) {
    const boost::json::object json =
        torrent_details_json({.torrent = {.entry = {.name = "n"}, .status = {}}});
    EXPECT_TRUE(json.at("pieces").is_null());
    EXPECT_TRUE(json.at("files").as_array().empty());
}

}  // namespace
}  // namespace btfs::cli
