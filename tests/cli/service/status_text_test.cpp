#include "cli/service/status_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TorrentReport ready() {
    TorrentReport report;
    report.entry = {.name = "film.mkv", .info_hash = "aa", .handle = 0, .slot = 1};
    report.status = TorrentStatus{.peers = 12,
                                  .peers_known = 80,
                                  .seeds = 5,
                                  .rates = {1'234'567.8, 99.5},
                                  .content = TorrentStatus::Content{1000, 400},
                                  .metadata = {},
                                  .tracker = {}};
    return report;
}

TorrentReport fetching_metadata(std::uint32_t had = 3) {
    TorrentReport report;
    report.entry = {.name = "cc", .info_hash = "cc", .handle = 1};
    report.status = TorrentStatus{};
    report.status->peers = 2;
    report.status->metadata = {had, 7};
    return report;
}

TorrentReport fetching_file() {
    TorrentReport report;
    report.entry = {.name = "http://host/x", .url = "http://host/x", .fetch = "under way"};
    return report;
}

TorrentReport asking_its_publisher() {
    TorrentReport report;
    report.entry = {.name = "magnet:?xs=urn:btpk:ab", .fetch = "asking the DHT for it"};
    return report;
}

std::string status_of(const TorrentReport& report) {
    return status_text(MountReport{.torrents = {report}, .readers = {}, .proxy = {}});
}

TEST(StatusText, TellsEverythingInItsOrder) {
    const MountReport mount{
        .torrents = {ready(), fetching_metadata(), fetching_file()}, .readers = {}, .proxy = {}};
    EXPECT_EQ(status_text(mount),
              "totals: 1 of 3 torrents ready, 14 peers, 1234568 B/s down, 100 B/s up\n"
              "\n"
              "name: film.mkv\n"
              "info-hash: aa\n"
              "state: ready\n"
              "peers: 12 connected, 80 known\n"
              "seeds: 5\n"
              "down: 1234568 B/s\n"
              "up: 100 B/s\n"
              "had: 600 of 1000 bytes\n"
              "\n"
              "name: cc\n"
              "info-hash: cc\n"
              "state: fetching metadata, 3 of 7 pieces\n"
              "peers: 2 connected, 0 known\n"
              "seeds: 0\n"
              "down: 0 B/s\n"
              "up: 0 B/s\n"
              "had: -\n"
              "\n"
              "name: http://host/x\n"
              "info-hash: -\n"
              "state: fetching the torrent file\n"
              "peers: 0 connected, 0 known\n"
              "seeds: 0\n"
              "down: 0 B/s\n"
              "up: 0 B/s\n"
              "had: -\n"
              "url: http://host/x\n"
              "fetch: under way\n");
}

TEST(StatusText, IsALineOfTotalsForNothing) {
    EXPECT_EQ(status_text({}), "totals: 0 of 0 torrents ready, 0 peers, 0 B/s down, 0 B/s up\n");
}

TEST(StatusText, TellsOfTheProxyBehindTheTotals) {
    MountReport mount;
    mount.proxy = "socks5://proxy.example:1080, TCP and UDP";
    EXPECT_EQ(status_text(mount),
              "totals: 0 of 0 torrents ready, 0 peers, 0 B/s down, 0 B/s up\n"
              "proxy: socks5://proxy.example:1080, TCP and UDP\n");
}

TEST(StatusText, TellsOfScansIfThereWereAny) {
    MountReport mount;
    const std::string totals = "totals: 0 of 0 torrents ready, 0 peers, 0 B/s down, 0 B/s up\n";
    mount.scans = 1;
    EXPECT_EQ(status_text(mount),
              totals + "scans: 1 file opened to be looked into, with nothing fetched ahead\n");
    mount.scans = 2;
    EXPECT_EQ(status_text(mount),
              totals + "scans: 2 files opened to be looked into, with nothing fetched ahead\n");
}

TEST(StatusText, ForeignTextCannotForgeALine) {
    TorrentReport report = ready();
    report.entry.name = "a\nstate: failed\r\x1b[2J";
    report.entry.problem = std::string(10'000, 'x');
    const std::string text = status_of(report);
    EXPECT_NE(text.find("name: a?state: failed??[2J\n"), std::string::npos) << text;
    EXPECT_NE(text.find("state: failed\n"), std::string::npos);
    EXPECT_LT(text.size(), 1000u);
}

TEST(StatusText, TellsHowMuchHasBeenVerifiedAnew) {
    TorrentReport report = ready();
    const auto progress = std::make_shared<RecheckProgress>();
    report.entry.recheck = progress;
    EXPECT_THAT(status_of(report), Not(HasSubstr("verifying")));
    progress->ask(Bitfield(7, true));
    EXPECT_THAT(status_of(report), HasSubstr("\nhad: 600 of 1000 bytes\nverifying: waits for its turn\n"));
    progress->begin_walk();
    progress->pass(PieceIndex(3));
    EXPECT_THAT(status_of(report), HasSubstr("\nverifying: 42 %\n"));
    EXPECT_THAT(status_of(report), HasSubstr("\nstate: ready\n")) << "it can be read";
}

TEST(StatusText, TellsWhySeedingHasEnded) {
    TorrentReport report = ready();
    EXPECT_THAT(status_of(report), Not(HasSubstr("seeding")));
    report.status->seeding_ended = SeedGoal::ratio;
    EXPECT_THAT(status_of(report), HasSubstr("\nseeding: ended by --seed-ratio\n"));
    report.status->seeding_ended = SeedGoal::time;
    EXPECT_THAT(status_of(report), HasSubstr("\nseeding: ended by --seed-time\n"));
}

TEST(StatusText, ATrackerIsItsHostAndItsLastWord) {
    tracker::TrackerStatus tracker;
    tracker.url = "http://tracker.example:80/passkey/announce?x";
    const auto line = [&] {
        TorrentReport report = ready();
        report.status->tracker = tracker;
        const std::string text = status_of(report);
        const std::size_t begin = text.find("tracker: ");
        return text.substr(begin, text.find('\n', begin) - begin);
    };
    EXPECT_EQ(line(), "tracker: http://tracker.example:80: not asked yet");
    tracker.announcing = true;
    EXPECT_EQ(line(), "tracker: http://tracker.example:80: announcing");
    tracker.message = "not\nregistered";
    EXPECT_EQ(line(), "tracker: http://tracker.example:80: not?registered");
    tracker = {.url = "udp://t:1", .working = true, .message = {}, .complete = 3, .incomplete = 4};
    EXPECT_EQ(line(), "tracker: udp://t:1: working, 3 seeds, 4 leechers");
}

TEST(StatusText, ATorrentWithoutAnInfoHashIsAskedFor) {
    EXPECT_THAT(status_of(asking_its_publisher()),
                HasSubstr("info-hash: -\nstate: asking for its info-hash\n"));
}

TEST(WaitingText, AddsUpWhatIsStillToCome) {
    EXPECT_EQ(waiting_text(std::vector{ready(), fetching_metadata()}),
              "waiting for metadata: 2 peers, 3 of 7 pieces");
    EXPECT_EQ(waiting_text(std::vector{fetching_metadata(1), fetching_metadata(2)}),
              "waiting for metadata of 2 torrents: 4 peers, 3 of 14 pieces");
    EXPECT_EQ(waiting_text(std::vector{fetching_file()}), "waiting for the torrent file");
    EXPECT_EQ(waiting_text(std::vector{asking_its_publisher()}), "waiting for the info-hash");
    TorrentReport paused = fetching_metadata();
    paused.entry.paused = true;
    EXPECT_EQ(waiting_text(std::vector{fetching_file(), paused}), "waiting for the torrent file");
    TorrentReport lonely = fetching_metadata();
    lonely.status->peers = 1;
    lonely.status->metadata = {};
    EXPECT_EQ(waiting_text(std::vector{lonely}), "waiting for metadata: 1 peer");
}

TEST(StatusText, TrackersThatCannotBeAskedAreNamed) {
    TorrentReport report = ready();
    tracker::TrackerStatus unusable;
    unusable.url = "wss://t.example/passkey";
    unusable.usable = false;
    unusable.message = "tracker URL is not usable";
    report.status->unusable_trackers = {unusable};
    EXPECT_THAT(status_of(report), HasSubstr("tracker: wss://t.example: tracker URL is not usable\n"));
}

}  // namespace
}  // namespace btfs::cli
