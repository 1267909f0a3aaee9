#include "cli/service/status_json.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>
#include <string>

namespace btfs::cli {
namespace {

using Json = boost::json::object;

TEST(StatusJson, ATorrentThatIsNotKnownYetHasNulls) {
    const Json json = torrent_json({.entry = {.name = "http://x/y", .url = "http://x/y"}, .status = {}});
    EXPECT_EQ(json.at("state"), "fetching the torrent file");
    for (const char* key : {"info_hash", "size", "label", "error"})
        EXPECT_TRUE(json.at(key).is_null()) << key;
    EXPECT_EQ(json.at("url"), "http://x/y");
    EXPECT_EQ(json.at("had"), 0);
    EXPECT_EQ(json.at("paused"), false);
}

TEST(StatusJson, APausedTorrentSaysSoWhateverElseIsKnownOfIt) {
    const Json json = torrent_json({.entry = {.name = "x", .slot = 1, .paused = true}, .status = {}});
    EXPECT_EQ(json.at("state"), "paused");
    EXPECT_EQ(json.at("paused"), true);
}

TEST(StatusJson, TheHashChangesWithEachThingThatIsSaidOfATorrent) {
    TorrentStatus status;
    status.content = {100, 40};
    const TorrentReport before{.entry = {.name = "a", .handle = TorrentHandle{1}}, .status = status};
    const auto changes = {
        +[](TorrentReport& report) { report.index = 7; },
        +[](TorrentReport& report) { report.entry.name = "b"; },
        +[](TorrentReport& report) { report.entry.info_hash = "b"; },
        +[](TorrentReport& report) { report.entry.label = "b"; },
        +[](TorrentReport& report) { report.entry.url = "b"; },
        +[](TorrentReport& report) { report.entry.problem = "b"; },
        +[](TorrentReport& report) { report.entry.slot = 0; },
        +[](TorrentReport& report) { report.entry.paused = true; },
        +[](TorrentReport& report) { report.entry.handle.reset(); },
        +[](TorrentReport& report) {
            const auto progress = std::make_shared<RecheckProgress>();
            progress->ask(Bitfield(7, true));
            report.entry.recheck = progress;
        },
        +[](TorrentReport& report) { report.status->metadata.piece_count = 7; },
        +[](TorrentReport& report) {
            report.status->metadata = {1, 7};
        },
        +[](TorrentReport& report) { report.status->peers = 1; },
        +[](TorrentReport& report) { report.status->seeds = 1; },
        +[](TorrentReport& report) { report.status->rates.down = 1; },
        +[](TorrentReport& report) { report.status->rates.up = 1; },
        +[](TorrentReport& report) { report.status->content->size = 101; },
        +[](TorrentReport& report) { report.status->content->left = 41; },
        +[](TorrentReport& report) { report.status->content.reset(); },
    };
    std::set<std::uint64_t> hashes{torrent_json_hash(before)};
    std::set<std::string> unchanged;
    for (const auto& member : torrent_json(before)) unchanged.emplace(member.key());
    for (const auto change : changes) {
        TorrentReport changed = before;
        change(changed);
        EXPECT_NE(torrent_json(changed), torrent_json(before)) << "change " << hashes.size();
        for (const auto& member : torrent_json(changed))
            if (member.value() != torrent_json(before).at(member.key())) unchanged.erase(member.key());
        EXPECT_TRUE(hashes.insert(torrent_json_hash(changed)).second) << "change " << hashes.size();
    }
    EXPECT_EQ(unchanged, std::set<std::string>()) << "no change above is of these members";
    EXPECT_EQ(torrent_json_hash(before), torrent_json_hash(TorrentReport(before)));
}

TEST(StatusJson, NamesThatAreNoTextAreMadeOne) {
    const Json json = torrent_json({.entry = {.name = "a\xff"}, .status = {}});
    EXPECT_EQ(json.at("name").as_string(), "a\xef\xbf\xbd");
    EXPECT_NO_THROW(boost::json::parse(boost::json::serialize(json)));
}

TEST(StatusJson, APeersFlagsAreWords) {
    PeerStatus peer{.endpoint = {*Address::parse("192.0.2.1"), 6881}, .client = "x\xff", .utp = true};
    peer.chokes_us = true;
    const Json json = peer_json(peer);
    EXPECT_EQ(json.at("endpoint"), "192.0.2.1:6881");
    EXPECT_EQ(json.at("flags"), boost::json::parse(R"(["utp", "chokes_us"])"));
    EXPECT_EQ(json.at("client").as_string(), "x\xef\xbf\xbd");
}

TEST(StatusJson, ATrackerSaysHowLongAgoItWasAskedAndWhenItIsNext) {
    const TimePoint now = TimePoint{} + 1h;
    tracker::TrackerStatus tracker;
    tracker.url = "http://t.example/x";
    Json json = tracker_json(tracker, now);
    EXPECT_TRUE(json.at("announced_ago").is_null());
    EXPECT_TRUE(json.at("next_announce_in").is_null());
    tracker.ended_at = now - 5min;
    tracker.next_at = now + 25min;
    tracker.peer_count = 7;
    json = tracker_json(tracker, now);
    EXPECT_EQ(json.at("announced_ago"), 300.0);
    EXPECT_EQ(json.at("next_announce_in"), 1500.0);
    EXPECT_EQ(json.at("peers"), 7);
    tracker.next_at = now - 1s;
    EXPECT_EQ(tracker_json(tracker, now).at("next_announce_in"), 0.0) << "it is due";
}

TEST(StatusJson, AReaderOverHttpHasItsAddressAndItsProgram) {
    ReaderStatus reader{.path = "film"};
    EXPECT_TRUE(reader_json(reader).at("client").is_null());
    reader.remote = {.address = "2001:db8::1", .program = "VLC"};
    const Json json = reader_json(reader);
    EXPECT_EQ(json.at("client"), "2001:db8::1");
    EXPECT_EQ(json.at("process"), "VLC");
    EXPECT_TRUE(json.at("pid").is_null());
}

TEST(StatusJson, AMountHasTotalsAndItsTorrentsDetails) {
    TorrentStatus status;
    status.peers = 2;
    status.rates = {1000.4, 20};
    status.content = {100, 40};
    status.connections.resize(2);
    status.tracker.emplace();
    status.tracker->url = "http://u:p@t.example/announce?passkey=1";
    MountReport report{
        .torrents = {{.entry = {.name = "a"}, .status = status}, {.entry = {.name = "b"}, .status = status}},
        .readers = {{.path = "a/film", .size = 10}},
        .proxy = "",
        .port = 6881,
        .cache_used = 5,
        .cache_limit = 7,
        .scans = 2,
        .age = 3s};
    report.readers[0].scan = true;
    const Json json = mount_json(report);
    EXPECT_EQ(json.at("peers"), 4);
    EXPECT_EQ(json.at("down"), 2001);
    EXPECT_EQ(json.at("cache"), boost::json::parse(R"({"used": 5, "limit": 7})"));
    EXPECT_TRUE(json.at("proxy").is_null());
    EXPECT_EQ(json.at("age"), 3.0);
    const Json& torrent = json.at("torrents").as_array()[0].as_object();
    EXPECT_EQ(torrent.at("size"), 100);
    EXPECT_EQ(torrent.at("had"), 60);
    EXPECT_EQ(torrent.at("connections").as_array().size(), 2u);
    EXPECT_EQ(torrent.at("trackers").as_array()[0].as_object().at("url"), "http://t.example") << "no secrets";
    EXPECT_EQ(torrent.at("trackers").as_array()[0].as_object().at("family"), "IPv4");
    const Json& reader = json.at("readers").as_array()[0].as_object();
    EXPECT_EQ(reader.at("path"), "a/film");
    EXPECT_EQ(reader.at("scan"), true);
    EXPECT_EQ(json.at("scans"), 2);
    for (const char* key : {"pid", "process", "position", "window_end", "rate"})
        EXPECT_TRUE(reader.at(key).is_null()) << key;
}

}  // namespace
}  // namespace btfs::cli
