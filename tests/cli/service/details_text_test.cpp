#include "cli/service/details_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace btfs::cli {
namespace {

TEST(DetailsText, ThePieceMapStandsOnLinesOfEqualLength) {
    DetailsReport report{.torrent = {.entry = {.name = "film"}, .status = {}}};
    EXPECT_EQ(pieces_text(report), "pieces: 0\n");
    report.pieces = PieceMap{.piece_length = 16384,
                             .had = Bitfield(70),
                             .begun = Bitfield(70),
                             .earlier = Bitfield(70),
                             .availability = std::vector<std::uint8_t>(70, 3)};
    report.pieces->had.set(PieceIndex(65));
    EXPECT_EQ(pieces_text(report), "pieces: 70\nlength: 16384\nhad: 1\nper-cell: 1\nmap:\n" +
                                       std::string(64, '.') + "\n.#....\navailability:\n" +
                                       std::string(64, '3') + "\n333333\n");
}

TEST(DetailsText, EachPeerHasALine) {
    DetailsReport report{.torrent = {.entry = {.name = "film"}, .status = TorrentStatus{}}};
    EXPECT_EQ(peers_text(report), "PEER  FLAGS  DOWN  UP  RECEIVED  SENT  ASKED  RTT  CLIENT\n");
    PeerStatus peer{.endpoint = {*Address::parse("192.0.2.1"), 6881}, .client = "evil\x1b[2J\n"};
    peer.utp = peer.chokes_us = true;
    peer.down = 1000.4;
    peer.round_trip_s = 0.05;
    report.torrent.status->connections = {peer, {}};
    const std::string text = peers_text(report);
    EXPECT_NE(text.find("192.0.2.1:6881  utp,chokes_us  1000  0   0         0     0      50   evil?[2J?\n"),
              std::string::npos)
        << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

}  // namespace
}  // namespace btfs::cli
