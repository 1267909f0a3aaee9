#include "engine/session/torrent_runner.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <boost/asio/io_context.hpp>

#include "tests/support/memory_storage.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/torrent_files.hpp"

namespace btfs {
namespace {

/// Store that has all pieces when it is first asked, and loses the first one right afterwards.
class LosingStorage final : public Storage {
  public:
    explicit LosingStorage(std::uint32_t piece_count) : had_(piece_count, true) {}

    void attach(StorageEvents& events) override { events_ = &events; }
    void detach() override { events_ = nullptr; }
    Bitfield available() const override {
        const Bitfield had = had_;
        if (had_.test(PieceIndex(0))) {
            had_.clear(PieceIndex(0));
            if (events_) events_->on_lost(PieceIndex(0));
        }
        return had;
    }
    Bitfield unproven() const override { return Bitfield(had_.size()); }
    PieceBufferPtr acquire(PieceIndex, Urgency) override { return nullptr; }
    void verify(PieceIndex, PieceBufferPtr, bool) override {}
    void read(ReadTicket, BlockRef) override {}

  private:
    mutable Bitfield had_;
    StorageEvents* events_ = nullptr;
};

struct TorrentRunnerTest : ::testing::Test {
    const Layout layout = test::layout_of(test::file_list({{"film", 4 * kBlockSize}}), kBlockSize);
    boost::asio::io_context io;
    net::Connector connector{io};
    net::Dialer dialer{connector};
    net::HttpClient http{connector, {}};
    net::HostPlaces web_hosts;
    net::TaskGroup tasks{io.get_executor()};
    ConnectionBudget connections{ConnectionBudget::kDefaultMax, nullptr};
    const net::KernelRouting routing{net::LocalBinding{}};
    const BanList bans;
    std::vector<std::unique_ptr<TorrentRunner>> runners;

    TorrentRunner& add(Storage& storage, std::vector<std::string> web_seeds = {}) {
        TorrentSpec spec;
        spec.web_seeds = std::move(web_seeds);
        spec.name = "film";
        spec.identity.v1 = sha1(as_bytes(std::to_string(runners.size())));
        const ByteView info = as_bytes("d6:lengthi65536e4:name4:film12:piece lengthi16384ee");
        spec.content.emplace(
            KnownContent{layout, storage, std::make_shared<const Bytes>(info.begin(), info.end())});
        const TorrentRunner::Shared shared{io, dialer, connections, routing, bans, http, web_hosts, tasks};
        runners.push_back(
            std::make_unique<TorrentRunner>(shared, runners.size(), std::move(spec), TorrentOptions{}, 1));
        return *runners.back();
    }
    ~TorrentRunnerTest() override {
        for (auto& runner : runners) runner->close();
    }
};

TEST_F(TorrentRunnerTest, APieceThatIsLostWhileItsContentIsTakenUpIsMissing) {
    LosingStorage storage(layout.piece_count());
    TorrentRunner& runner = add(storage);
    io.poll();
    EXPECT_EQ(runner.totals().left, kBlockSize);
}

/// Store without pieces that gives no memory.
class EmptyStorage final : public Storage {
  public:
    explicit EmptyStorage(std::uint32_t piece_count) : none_(piece_count) {}

    void attach(StorageEvents&) override {}
    void detach() override {}
    Bitfield available() const override { return none_; }
    Bitfield unproven() const override { return none_; }
    PieceBufferPtr acquire(PieceIndex, Urgency) override { return nullptr; }
    void verify(PieceIndex, PieceBufferPtr, bool) override {}
    void read(ReadTicket, BlockRef) override {}

  private:
    const Bitfield none_;
};

TEST_F(TorrentRunnerTest, AnIdleTorrentTakesLittleMemoryAndNoWork) {
    constexpr std::size_t kTorrents = 500;
    constexpr std::size_t kMostBytes = 16 << 10;
    const EmptyStorage storage(layout.piece_count());
    std::vector<EmptyStorage> storages(kTorrents, storage);
    const auto heap = [] {
        const struct mallinfo2 info = mallinfo2();
        return info.uordblks + info.hblkhd;
    };
    add(storages[0]);  // whatever is allocated once
    const std::size_t before = heap();
    for (std::size_t i = 1; i < kTorrents; ++i) add(storages[i]);
    const std::size_t each = (heap() - before) / (kTorrents - 1);
    EXPECT_TRUE(kSanitized || each < kMostBytes) << each << " bytes";
    io.poll();
    io.restart();
    EXPECT_EQ(io.run_for(50ms), 0u);  // no timer, no posted event
}

TEST_F(TorrentRunnerTest, AnIdleTorrentDialsFewAndOneWhoseReaderWaitsDialsMany) {
    EmptyStorage storage(layout.piece_count());
    for (int i = 0; i < 10; ++i) add(storage);
    std::vector<Endpoint> peers;
    for (std::uint16_t i = 0; i < 60; ++i)
        peers.push_back({*Address::parse("127.0.0.2"), std::uint16_t(20'000 + i)});
    TorrentRunner& idle = *runners[0];
    idle.add_peers(peers, PeerSource::tracker);
    EXPECT_EQ(idle.urgency(), net::DialUrgency::idle);
    EXPECT_LE(dialer.half_open(), TorrentRunner::kIdleDials);
    TorrentRunner& read = *runners[9];
    ReaderDemand demand;
    demand.blocked = {ByteRange{0, kBlockSize}};
    read.set_reader(1, demand);
    EXPECT_EQ(read.urgency(), net::DialUrgency::reader_waits);
    const std::size_t before = dialer.half_open();
    read.add_peers(peers, PeerSource::tracker);
    EXPECT_EQ(dialer.half_open(), before + Torrent::kMaxDialling);
    read.drop_reader(1);
    EXPECT_EQ(read.urgency(), net::DialUrgency::idle);
}

TEST_F(TorrentRunnerTest, APausedTorrentEndsItsDialsAndItsWebSeed) {
    EmptyStorage storage(layout.piece_count());
    TorrentRunner& runner = add(storage, {"http://127.0.0.1:1/film"});
    const Endpoint peer{*Address::parse("127.0.0.2"), 20'000};
    runner.add_peers({&peer, 1}, PeerSource::tracker);
    ReaderDemand demand;
    demand.blocked = {ByteRange{0, kBlockSize}};
    runner.set_reader(1, demand);
    EXPECT_GT(dialer.half_open(), 0U);
    EXPECT_EQ(connections.used(), 1U);
    const TimePoint paused = Clock::now();
    runner.set_paused(true);
    EXPECT_EQ(dialer.half_open(), 0U);
    EXPECT_EQ(connections.used(), 0U);
    EXPECT_EQ(runner.urgency(), net::DialUrgency::idle);
    EXPECT_TRUE(runner.status(Clock::now()).paused);
    io.poll();
    EXPECT_EQ(dialer.half_open(), 0U) << "dials that were ended are not made anew";
    runner.set_paused(false);
    const std::size_t used = connections.used();
    const bool is_early = Clock::now() < paused + 1s;
    EXPECT_TRUE(used == 0 || !is_early) << "a web seed that was just closed waits a second";
    EXPECT_FALSE(runner.status(Clock::now()).paused);
    EXPECT_EQ(runner.urgency(), net::DialUrgency::reader_waits);
}

TEST_F(TorrentRunnerTest, AProxyThatRelaysUdpFromNowOnEndsNoConnectionOfAWebSeed) {
    EmptyStorage storage(layout.piece_count());
    TorrentRunner& runner = add(storage, {"http://127.0.0.1:1/film"});
    ReaderDemand demand;
    demand.blocked = {ByteRange{0, kBlockSize}};
    runner.set_reader(1, demand);
    EXPECT_EQ(connections.used(), 1U);
    runner.handle_relay_opened();
    EXPECT_EQ(connections.used(), 1U);
    runner.handle_network_change();
    EXPECT_EQ(connections.used(), 0U);
}

TEST_F(TorrentRunnerTest, ShowsTheFirstFewTrackersThatCannotBeUsed) {
    net::TrackerClient client(connector, http, 1);
    TorrentSpec spec;
    spec.identity.v1 = sha1(as_bytes("t"));
    for (int i = 0; i < 20; ++i) spec.trackers.push_back({"wss://t" + std::to_string(i) + ".example/"});
    TorrentRunner runner({io, dialer, connections, routing, bans, http, web_hosts, tasks}, 0, std::move(spec),
                         TorrentOptions{}, 1);
    runner.start_announcing(client, 1);
    const TorrentStatus status = runner.status(Clock::now());
    EXPECT_FALSE(status.tracker);
    ASSERT_EQ(status.unusable_trackers.size(), TorrentStatus::kMaxUnusableShown);
    EXPECT_EQ(status.unusable_trackers.front().url, "wss://t0.example/");
    runner.close();
}

}  // namespace
}  // namespace btfs
