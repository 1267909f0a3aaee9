#include "fs/read_path.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "fs/errno_map.hpp"
#include "fs/filesystem.hpp"
#include "tests/support/fake_demand_sink.hpp"
#include "tests/support/fake_read_side.hpp"
#include "tests/support/torrent_files.hpp"

namespace btfs {
namespace {

using test::FakeDemandSink;
using test::FakeReadSide;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t KiB = 1024, MiB = 1024 * KiB;
constexpr std::uint32_t kPiece = 256 * KiB;
constexpr std::uint64_t kBefore = 100'000;  // bytes of another file
constexpr std::uint64_t kSize = 100 * MiB + 77;

// Answer to one READ. The test and the reply share it.
struct Answer {
    std::atomic<int> count{0};
    std::vector<std::byte> bytes;
    int error = 0;
    ReadId id = 0;
};

class Reply final : public InterruptibleReply {
  public:
    using Watch = std::function<void(ReadId)>;
    explicit Reply(std::shared_ptr<Answer> answer, Watch watch = {})
        : answer_(std::move(answer)), watch_(std::move(watch)) {}
    void watch_interrupts(ReadId id) override {
        answer_->id = id;
        if (watch_) watch_(id);
    }
    void data(std::span<const iovec> parts) override {
        for (const iovec& part : parts) {
            const auto* from = static_cast<const std::byte*>(part.iov_base);
            answer_->bytes.insert(answer_->bytes.end(), from, from + part.iov_len);
        }
        ++answer_->count;
    }
    void fail(Error error) override {
        answer_->error = to_errno(error);
        ++answer_->count;
    }

  private:
    std::shared_ptr<Answer> answer_;
    Watch watch_;
};

constexpr pid_t kReader = 100, kOther = 200;
const auto ignored = [](const Error&) {};

// Processes that live and have every file open, except those named in the sets.
struct FakeProcesses final : Processes {
    Life life(pid_t thread) const override {
        ++asked;
        return gone.contains(thread) ? Life::gone : hidden.contains(thread) ? Life::unknown : Life::alive;
    }
    bool may_have_open(pid_t thread, std::uint64_t) const override { return !closed.contains(thread); }
    bool was_killed(pid_t thread) const override { return gone.contains(thread); }
    pid_t process(pid_t thread) const override { return thread; }
    std::string name(pid_t) const override { return called; }
    std::set<pid_t> gone, hidden, closed;
    std::string called = "player";
    mutable std::atomic<int> asked = 0;
};

using Files = std::vector<std::pair<std::string, std::uint64_t>>;

// Mount of one torrent with two files or more, the second of which is open. Its end is there, so that nothing
// is demanded besides what is read and what is read ahead.
struct World {
    explicit World(const Files& of = {{"t/before", kBefore}, {"t/f", kSize}}) : files(test::file_list(of)) {
        filesystem.add({sha1(as_bytes("t")), files, cache, sink, 0});
        node = filesystem.lookup(filesystem.lookup(kRootNode, "t").value().node, of[1].first.substr(2))
                   .value()
                   .node;
        cache.bring({kBefore + kSize - 64 * KiB, kBefore + kSize});
        file = filesystem.open(node, false).value();
    }
    std::shared_ptr<Answer> read(std::uint64_t begin, std::uint64_t size, Reply::Watch watch = {}) {
        auto answer = std::make_shared<Answer>();
        file->read({{begin, begin + size}, reader}, std::make_unique<Reply>(answer, std::move(watch)));
        return answer;
    }
    ByteRange in_torrent(std::uint64_t begin, std::uint64_t end) const {
        return {begin + kBefore, end + kBefore};
    }
    /// Ends the waiting READs before the cache is destroyed, as at the end of a mount.
    ~World() { filesystem.close(); }

    ReadPath& path() { return filesystem.read_path(); }
    ReaderDemand last() const { return sink.posts().empty() ? ReaderDemand{} : sink.posts().back(); }

    /// Lets the reader die, after which the kernel closes its descriptor.
    void kill_reader(Handle& of) {
        processes.gone.insert(reader);
        of.flush(reader, ignored);
    }

    TimePoint now{1h};
    FakeProcesses processes;
    pid_t reader = kReader;
    const FileList files;
    const Layout layout = test::layout_of(files, kPiece);
    FakeReadSide cache{layout.total_size(), kPiece};
    FakeDemandSink sink;
    Filesystem filesystem{{.now = [this] { return now; }, .processes = &processes}};
    NodeId node = 0;
    Handle* file = nullptr;
};

void expect_content(const Answer& answer, std::uint64_t begin_in_file, std::uint64_t size) {
    ASSERT_EQ(answer.count, 1);
    EXPECT_EQ(answer.error, 0);
    ASSERT_EQ(answer.bytes.size(), size);
    for (std::size_t i = 0; i < size; ++i)
        ASSERT_EQ(answer.bytes[i], test::content_at(kBefore + begin_in_file + i)) << i;
}

TEST(ReadPath, WhoReadsTheBeginningOfAFileFirstGetsItsEndToo) {
    World world;
    world.cache.lose_all();
    EXPECT_THAT(world.sink.posts(), IsEmpty());
    const auto answer = world.read(0, 64 * KiB);
    const std::uint64_t end = kBefore + kSize;
    EXPECT_THAT(world.last().edges, ElementsAre(ByteRange{end - 64 * KiB, end}));
    world.kill_reader(*world.file);
    EXPECT_TRUE(world.last().idle());
}

/// The beginning of an MP4 whose moov is its last megabyte.
std::string head_of_film() {
    const std::uint32_t mdat = kSize - MiB - 16;
    std::string head(
        "\0\0\0\x10"
        "ftypisomiso2",
        16);
    for (int shift = 24; shift >= 0; shift -= 8) head += static_cast<char>(mdat >> shift);
    return head + "mdat";
}

TEST(ReadPath, AnIndexIsDemandedWhereTheBeginningSaysThatItIs) {
    for (const bool is_there : {true, false}) {
        World world;
        world.cache.lose_all();
        world.cache.write(kBefore, head_of_film());
        if (is_there) world.cache.bring({kBefore, kBefore + 64 * KiB});
        const auto answer = world.read(0, 64 * KiB);
        if (!is_there) world.cache.bring({kBefore, kBefore + 64 * KiB});
        const std::uint64_t end = kBefore + kSize;
        EXPECT_THAT(world.last().edges,
                    ElementsAre(ByteRange{end - 64 * KiB, end}, ByteRange{end - MiB, end}));
        world.cache.bring({end - 2 * MiB, end});
        const auto next = world.read(10 * MiB, 64 * KiB);
        EXPECT_THAT(world.last().edges, IsEmpty());
        world.kill_reader(*world.file);
    }
}

/// A piece that ends soon after the file's beginning makes a short first part.
TEST(ReadPath, AnIndexIsFoundInABeginningThatComesInParts) {
    World world;
    world.cache.lose_all();
    world.cache.write(kBefore, head_of_film());
    world.cache.bring({kBefore, kBefore + 64 * KiB});
    world.cache.set_parts(64 * KiB / 8);
    const auto answer = world.read(0, 64 * KiB);
    const std::uint64_t end = kBefore + kSize;
    EXPECT_THAT(world.last().edges, ElementsAre(ByteRange{end - 64 * KiB, end}, ByteRange{end - MiB, end}));
}

/// Returns the end of a small directory of a zip archive.
std::string end_of_zip(std::uint32_t directory) {
    std::string end("PK\5\6\0\0\0\0\1\0\1\0", 12);
    for (const std::uint32_t number : {directory, std::uint32_t{0}})
        for (int shift = 0; shift < 32; shift += 8) end += static_cast<char>(number >> shift);
    return end + std::string(2, '\0');
}

TEST(ReadPath, ADirectoryOfAnArchiveIsDemandedWhereItsEndSaysThatItIs) {
    World world;
    const std::uint64_t end = kBefore + kSize;
    world.cache.write(end - 22, end_of_zip(3 * MiB));
    const auto answer = world.read(kSize - 4096, 4096);
    EXPECT_EQ(answer->count, 1);
    EXPECT_THAT(world.last().edges, ElementsAre(ByteRange{end - 22 - 3 * MiB, end - 22}));
}

TEST(ReadPath, AScanIsKnownByItsNameAndGetsWhatItReads) {
    World world;
    world.cache.lose_all();
    world.cache.write(kBefore, head_of_film());
    world.cache.bring({kBefore, kBefore + 4 * MiB});
    world.processes.called = "ffprobe";
    for (std::uint64_t at = 0; at < 4 * MiB; at += 128 * KiB) (void)world.read(at, 128 * KiB);
    EXPECT_THAT(world.sink.posts(), IsEmpty());
    const auto answer = world.read(4 * MiB, 256 * KiB);
    EXPECT_THAT(world.last().blocked, SizeIs(1));
    EXPECT_THAT(world.last().edges, IsEmpty());
    EXPECT_TRUE(world.last().window.empty());
    EXPECT_FALSE(world.last().may_trade);
    EXPECT_TRUE(world.filesystem.readers().at(0).scan);
    EXPECT_EQ(world.path().scan_count(), 1u);
}

TEST(ReadPath, AReaderThatReadsOnInSequenceIsNoScan) {
    World world;
    world.cache.lose_all();
    world.cache.bring({kBefore, kBefore + 9 * MiB});
    world.processes.called = "clamscan";
    for (std::uint64_t at = 0; at < 9 * MiB; at += 128 * KiB) (void)world.read(at, 128 * KiB);
    EXPECT_GT(world.last().window.size(), 8 * MiB);
    EXPECT_TRUE(world.last().may_trade);
    EXPECT_FALSE(world.filesystem.readers().at(0).scan);
}

/// Ten large files and one before them.
Files many_files() {
    Files files{{"t/before", kBefore}};
    for (int i = 0; i < 10; ++i) files.emplace_back("t/f" + std::to_string(i), kSize);
    return files;
}

TEST(ReadPath, WhoOpensFileAfterFileIsAScan) {
    World world(many_files());
    world.filesystem.release(*world.file);
    for (int i = 0; i < 10; ++i) {
        world.file = world.filesystem.open(world.node + static_cast<NodeId>(i), false).value();
        EXPECT_FALSE(world.filesystem.readers().at(0).scan) << "nothing was read";
        (void)world.read(0, 64 * KiB);
        EXPECT_EQ(world.filesystem.readers().at(0).scan, i >= 4) << i;
        EXPECT_EQ(world.last().edges.empty(), i == 0 || i >= 4) << i << ": the end of the first one is here";
        world.kill_reader(*world.file);
        world.filesystem.release(*world.file);
    }
    EXPECT_EQ(world.path().scan_count(), 6u);
}

TEST(ReadPath, WhoReadsFileAfterFileIsNone) {
    World world(many_files());
    world.filesystem.release(*world.file);
    world.cache.bring_all();
    for (int i = 0; i < 10; ++i) {
        world.file = world.filesystem.open(world.node + static_cast<NodeId>(i), false).value();
        for (std::uint64_t at = 0; at < 9 * MiB; at += MiB) (void)world.read(at, MiB);
        world.filesystem.release(*world.file);
    }
    EXPECT_EQ(world.path().scan_count(), 0u);
}

TEST(ReadPath, WhoOpensOneFileAgainAndAgainIsNone) {
    World world;
    for (int i = 0; i < 20; ++i) {
        world.filesystem.release(*world.file);
        world.file = world.filesystem.open(world.node, false).value();
        world.reader = 0;  // an HTTP client: each of its requests opens the file
        (void)world.read(kSize - 4096, 4096);
    }
    EXPECT_EQ(world.path().scan_count(), 0u);
}

TEST(ReadPath, AStreamWhoseClientOpensAnotherGetsNothingAheadUntilItIsReadOn) {
    World world;
    world.filesystem.release(*world.file);
    world.reader = 0;
    const auto open = [&](const char* address) {
        return world.filesystem.open(world.node, Opening{.remote = {address, "VLC"}}).value();
    };
    world.cache.lose_all();
    world.file = open("192.0.2.7");
    std::uint64_t at = 0;
    const auto read_until = [&](std::uint64_t end) {
        world.cache.bring({kBefore + at, kBefore + end});
        for (; at < end; at += 128 * KiB) (void)world.read(at, 128 * KiB);
    };
    read_until(4 * MiB);
    EXPECT_FALSE(world.last().window.empty());
    Handle* const of_another = open("192.0.2.8");
    EXPECT_FALSE(world.last().window.empty());
    Handle* const later = open("192.0.2.7");
    EXPECT_TRUE(world.last().window.empty());
    read_until(11 * MiB);
    EXPECT_TRUE(world.last().window.empty());
    read_until(13 * MiB);
    EXPECT_FALSE(world.last().window.empty());
    for (Handle* each : {of_another, later}) world.filesystem.release(*each);
}

/// Reads an episode from the middle on, at so many bytes per second; the next one stands behind it.
struct Series : World {
    Series() : World({{"t/before", kBefore}, {"t/Show S01E09.mkv", kSize}, {"t/Show S01E10.mkv", kSize}}) {
        cache.bring({kBefore, kBefore + kSize});
    }
    void play(std::uint64_t until, std::uint64_t bytes_per_second) {
        for (; at < until; at += 128 * KiB) {
            (void)read(at, 128 * KiB);
            now += from_seconds(128.0 * KiB / static_cast<double>(bytes_per_second));
        }
    }
    std::uint64_t at = 50 * MiB;
};

TEST(ReadPath, TheNextFileIsBegunWhenMostOfThisOneHasBeenPlayed) {
    Series series;
    series.play(79 * MiB, MiB);
    EXPECT_THAT(series.last().later, IsEmpty());
    series.play(81 * MiB, MiB);
    const std::uint64_t next = kBefore + kSize, end = next + kSize;
    ASSERT_THAT(series.last().later, SizeIs(2));
    EXPECT_EQ(series.last().later[0].begin, next);
    EXPECT_NEAR(double(series.last().later[0].size()), 3.0 * MiB, 0.3 * MiB) << "three seconds of playing";
    EXPECT_EQ(series.last().later[1], (ByteRange{end - 64 * KiB, end}));
    series.cache.bring({next, next + 4 * MiB});
    series.play(90 * MiB, MiB);
    EXPECT_THAT(series.last().later, ElementsAre(ByteRange{end - 64 * KiB, end}));
    series.kill_reader(*series.file);
    EXPECT_TRUE(series.last().idle()) << "nobody goes on";
}

TEST(ReadPath, TheIndexOfTheNextFileIsWantedWhereItsBeginningSaysThatItIs) {
    Series series;
    const std::uint64_t next = kBefore + kSize, end = next + kSize;
    series.cache.write(next, head_of_film());  // with the last piece of this file it is here
    series.play(81 * MiB, MiB);
    EXPECT_THAT(series.last().later, SizeIs(3));
    series.cache.bring({next, next + 4 * MiB});
    series.play(83 * MiB, MiB);
    EXPECT_THAT(series.last().later, ElementsAre(ByteRange{end - 64 * KiB, end}, ByteRange{end - MiB, end}));
    series.cache.bring({end - MiB, end});
    series.play(85 * MiB, MiB);
    EXPECT_TRUE(series.last().idle());
}

TEST(ReadPath, TheIndexOfTheNextFileIsFoundInABeginningThatComesInParts) {
    Series series;
    series.cache.write(kBefore + kSize, head_of_film());
    series.cache.set_parts(64 * KiB / 8);
    series.play(81 * MiB, MiB);
    EXPECT_THAT(series.last().later, SizeIs(3));
}

TEST(ReadPath, TheIndexOfTheNextFileIsWantedThoughNoReadComesAfterTheDisksAnswer) {
    Series series;
    series.cache.write(kBefore + kSize, head_of_film());
    series.play(79 * MiB, MiB);
    series.cache.hang();
    series.play(81 * MiB, MiB);
    EXPECT_THAT(series.last().later, SizeIs(2));
    series.cache.resume();
    EXPECT_THAT(series.last().later, SizeIs(3));
}

TEST(ReadPath, TheIndexOfTheNextFileIsNotWantedWhenTheFileIsClosedBeforeTheDisksAnswer) {
    Series series;
    series.cache.write(kBefore + kSize, head_of_film());
    series.play(79 * MiB, MiB);
    series.cache.hang();
    series.play(81 * MiB, MiB);
    const std::size_t posts = series.sink.posts().size();
    series.filesystem.release(*series.file);
    series.cache.resume();
    EXPECT_EQ(series.sink.posts().size(), posts);
    EXPECT_FALSE(series.sink.late());
}

/// An episode that is its torrent, and the next one, which is another.
struct OwnTorrents {
    OwnTorrents() {
        const auto here = filesystem.add({sha1(as_bytes("4")), files, cache, sink, 0});
        file = filesystem.open(NodeId{here} << 32, false).value();
        cache.bring_all();
        add_next();
    }
    ~OwnTorrents() { filesystem.close(); }
    void add_next() {
        next = filesystem.add(
            {sha1(as_bytes("5")), next_files, next_cache, next_sink, 0, std::move(next_in_use)});
    }
    void play(std::uint64_t until) {
        for (; at < until; at += 128 * KiB) {
            (void)file->read({{at, at + 128 * KiB}, kReader},
                             std::make_unique<Reply>(std::make_shared<Answer>()));
            now += from_seconds(128.0 / 1024);  // 1 MiB a second
        }
    }
    std::vector<ByteRange> wanted() const {
        return next_sink.posts().empty() ? std::vector<ByteRange>() : next_sink.posts().back().later;
    }

    const FileList files = test::file_list({{"Show S01E09.mkv", kSize}});
    const FileList next_files = test::file_list({{"t/a.nfo", kBefore}, {"t/show.s01e10.mkv", kSize}});
    FakeReadSide cache{kSize, kPiece}, next_cache{kBefore + kSize, kPiece};
    FakeDemandSink sink, next_sink;
    std::shared_ptr<const void> next_in_use = nullptr;
    TimePoint now = TimePoint{} + 1h;
    FakeProcesses processes;
    Filesystem filesystem{{.now = [this] { return now; }, .processes = &processes}};
    Slot next = 0;
    Handle* file = nullptr;
    std::uint64_t at = 50 * MiB;
};

TEST(ReadPath, TheNextEpisodeIsBegunInItsOwnTorrent) {
    OwnTorrents world;
    world.play(79 * MiB);
    EXPECT_THAT(world.wanted(), IsEmpty());
    world.play(82 * MiB);
    const std::uint64_t end = kBefore + kSize;
    ASSERT_THAT(world.wanted(), SizeIs(2));
    EXPECT_EQ(world.wanted()[0].begin, kBefore);
    EXPECT_NEAR(double(world.wanted()[0].size()), 3.0 * MiB, 0.3 * MiB);
    EXPECT_EQ(world.wanted()[1], (ByteRange{end - 64 * KiB, end}));
    for (const ReaderDemand& post : world.sink.posts()) EXPECT_THAT(post.later, IsEmpty());
    world.next_cache.write(kBefore, head_of_film());
    world.next_cache.bring({kBefore, kBefore + 4 * MiB});
    world.play(85 * MiB);
    EXPECT_THAT(world.wanted(), ElementsAre(ByteRange{end - 64 * KiB, end}, ByteRange{end - MiB, end}));
    world.next_cache.bring({end - MiB, end});
    world.play(90 * MiB);
    EXPECT_THAT(world.wanted(), IsEmpty());
    EXPECT_EQ(world.next_sink.drops(), 0u);
    world.filesystem.release(*world.file);
    EXPECT_EQ(world.next_sink.drops(), 1u);
    EXPECT_FALSE(world.next_sink.late());
}

TEST(ReadPath, TheNextEpisodeWaitsUntilTheWindowIsHere) {
    OwnTorrents world;
    world.cache.lose_all();
    world.cache.bring({0, 95 * MiB});
    world.cache.bring({96 * MiB, kSize});
    world.play(85 * MiB);
    EXPECT_THAT(world.next_sink.posts(), IsEmpty());
    world.cache.bring_all();
    world.play(87 * MiB);
    EXPECT_THAT(world.wanted(), SizeIs(2));
}

TEST(ReadPath, TheNextEpisodeIsNotWantedAnyMoreWhenItsReaderEnds) {
    OwnTorrents world;
    world.play(85 * MiB);
    EXPECT_THAT(world.wanted(), SizeIs(2));
    world.processes.gone = {kReader};
    world.file->flush(kOther, ignored);
    EXPECT_THAT(world.wanted(), IsEmpty());
    EXPECT_FALSE(world.next_sink.late());
}

TEST(ReadPath, ATorrentThatIsRemovedIsNotKeptForTheReaderOfTheEpisodeBefore) {
    OwnTorrents world;
    world.filesystem.remove(world.next);
    world.next_in_use = std::make_shared<int>();
    const std::weak_ptr<const void> in_use = world.next_in_use;
    world.add_next();
    world.play(85 * MiB);
    EXPECT_THAT(world.wanted(), SizeIs(2));
    const std::size_t posts = world.next_sink.posts().size();
    world.filesystem.remove(world.next);
    EXPECT_TRUE(in_use.expired());
    world.play(95 * MiB);
    world.filesystem.release(*world.file);
    EXPECT_EQ(world.next_sink.posts().size(), posts);
}

TEST(ReadPath, ACopyBeginsNoNextFile) {
    Series series;
    series.play(100 * MiB, 20 * MiB);
    for (const ReaderDemand& post : series.sink.posts()) EXPECT_THAT(post.later, IsEmpty());
}

TEST(ReadPath, NorDoesALookAtTheEndOrAScan) {
    Series series;
    series.at = 96 * MiB;
    series.play(100 * MiB, MiB);
    EXPECT_THAT(series.last().later, IsEmpty());
    Series scan;
    scan.processes.called = "ffprobe";
    scan.at = 93 * MiB;
    scan.play(100 * MiB, MiB);
    EXPECT_THAT(scan.last().later, IsEmpty());
}

TEST(ReadPath, WhoBeginsElsewhereGetsNoEnd) {
    World world;
    world.cache.lose_all();
    const auto elsewhere = world.read(50 * MiB, 64 * KiB), beginning = world.read(0, 64 * KiB);
    for (const ReaderDemand& post : world.sink.posts()) EXPECT_THAT(post.edges, IsEmpty());
    world.kill_reader(*world.file);
}

TEST(ReadPath, WhatAReaderInSequenceWantsNextIsExpected) {
    World world;
    world.cache.bring_all();
    for (std::uint64_t at = 0; at < 4 * MiB; at += 128 * KiB) (void)world.read(at, 128 * KiB);
    EXPECT_GE(world.cache.expected_until(), kBefore + 6 * MiB);
    EXPECT_LE(world.cache.expected_until(), kBefore + 12 * MiB);
}

TEST(ReadPath, AHitIsAnsweredAtOnceAndAsksForNothing) {
    World world;
    world.cache.bring_all();
    expect_content(*world.read(5, 100'000), 5, 100'000);
    EXPECT_THAT(world.sink.posts(), IsEmpty());
}

TEST(ReadPath, ReadsEndWithTheFile) {
    World world;
    world.cache.bring_all();
    expect_content(*world.read(kSize - 10, 4096), kSize - 10, 10);
    expect_content(*world.read(kSize, 4096), kSize, 0);
    expect_content(*world.read(kSize + 5000, 4096), kSize + 5000, 0);
}

TEST(ReadPath, AMissWaitsAndIsPosted) {
    World world;
    auto answer = world.read(1000, 64 * KiB);
    EXPECT_EQ(answer->count, 0);
    EXPECT_EQ(world.path().parked_count(), 1);
    ASSERT_THAT(world.sink.posts(), SizeIs(1));
    EXPECT_THAT(world.last().blocked, ElementsAre(world.in_torrent(1000, 1000 + 64 * KiB)));
    EXPECT_EQ(world.last().window, world.in_torrent(1000, 1000 + 64 * KiB));  // and no byte beyond it
    world.cache.bring({0, 2 * kPiece});
    expect_content(*answer, 1000, 64 * KiB);
    EXPECT_EQ(world.path().parked_count(), 0);
}

TEST(ReadPath, AReadWhoseBytesAreLostWhileTheyAreReadWaitsForThemAgain) {
    World world;
    world.cache.bring_all();
    world.cache.lose_during_next_read();
    const auto answer = world.read(1000, 64 * KiB);
    EXPECT_EQ(answer->count, 0);
    EXPECT_EQ(world.path().parked_count(), 1);
    EXPECT_THAT(world.last().blocked, ElementsAre(world.in_torrent(1000, 1000 + 64 * KiB)));
    world.cache.bring({0, 2 * kPiece});
    expect_content(*answer, 1000, 64 * KiB);
    EXPECT_EQ(world.path().parked_count(), 0);
}

TEST(ReadPath, AReadThatWaitsAndIsMadeAgainIsCountedOnceAndCanBeCancelled) {
    World world;
    const auto answer = world.read(1000, 64 * KiB);
    world.cache.ask_again();
    EXPECT_EQ(world.path().parked_count(), 1);
    EXPECT_EQ(answer->count, 0);
    world.kill_reader(*world.file);
    EXPECT_EQ(answer->error, EINTR);
    EXPECT_EQ(world.path().parked_count(), 0);
}

TEST(ReadPath, BlockedReadsArePostedOldestFirst) {
    World world;
    world.read(50 * MiB, 4096);
    auto second = world.read(0, 4096);
    EXPECT_THAT(world.last().blocked,
                ElementsAre(world.in_torrent(50 * MiB, 50 * MiB + 4096), world.in_torrent(0, 4096)));
    world.cache.bring({0, kPiece});
    EXPECT_EQ(second->count, 1);
    world.read(20 * MiB, 4096);  // the answered READ is not posted any more
    EXPECT_THAT(world.last().blocked, SizeIs(2));
}

TEST(ReadPath, ASequentialReaderPostsItsWindowSeldom) {
    World world;
    world.cache.bring({0, 20 * MiB});
    std::uint64_t at = 0;
    for (; at < 16 * MiB; at += 128 * KiB) expect_content(*world.read(at, 128 * KiB), at, 128 * KiB);
    const auto posts = world.sink.posts();
    ASSERT_FALSE(posts.empty());
    EXPECT_LT(posts.size(), 40u);  // for 128 reads
    for (const ReaderDemand& post : posts) {
        EXPECT_TRUE(post.blocked.empty());
        EXPECT_GT(post.window.end, 20 * MiB);  // beyond the bytes that the cache has
    }
    EXPECT_GE(posts.back().window.end + 1 * MiB, world.in_torrent(at + 28 * MiB, at + 28 * MiB).end);
}

TEST(ReadPath, ASeekIntoWhatIsThereDropsTheOldWindow) {
    World world;
    world.cache.bring({0, 4 * MiB});
    for (std::uint64_t at = 0; at < 3 * MiB; at += 128 * KiB) world.read(at, 128 * KiB);
    EXPECT_FALSE(world.last().idle());
    world.cache.bring({50 * MiB, 60 * MiB});
    world.read(55 * MiB, 4096);
    EXPECT_TRUE(world.last().idle());
    const std::size_t posts = world.sink.posts().size();
    world.read(52 * MiB, 4096);
    EXPECT_EQ(world.sink.posts().size(), posts);
}

TEST(ReadPath, AWindowThatIsHereIsWorthKeepingWhileItsReaderIsThere) {
    World world;
    world.cache.bring({0, 40 * MiB});
    for (std::uint64_t at = 0; at < 4 * MiB; at += 128 * KiB) world.read(at, 128 * KiB);
    EXPECT_THAT(world.sink.posts(), IsEmpty());
    EXPECT_NEAR(double(world.sink.kept().begin), double(kBefore + 4 * MiB), double(MiB));
    EXPECT_GT(world.sink.kept().size(), MiB);
    world.kill_reader(*world.file);
    EXPECT_TRUE(world.sink.kept().empty());
}

TEST(ReadPath, TheLastWindowReachesTheEndOfTheFile) {
    World world;
    world.cache.bring({0, 99 * MiB});
    for (std::uint64_t at = 90 * MiB; at < 98 * MiB; at += 128 * KiB) world.read(at, 128 * KiB);
    EXPECT_EQ(world.last().window.end, kBefore + kSize);
}

TEST(ReadPath, AKilledReadersReadsEndAndItWantsNothing) {
    World world;
    auto a = world.read(0, 4096), b = world.read(128 * KiB, 64 * KiB);
    world.kill_reader(*world.file);
    EXPECT_EQ(a->error, EINTR);
    EXPECT_EQ(b->error, EINTR);
    EXPECT_TRUE(world.last().idle());
    EXPECT_EQ(world.path().parked_count(), 0);
    world.reader = kOther;
    auto again = world.read(0, 4096);  // from a live reader of the same handle
    EXPECT_EQ(again->count, 0);
    EXPECT_THAT(world.last().blocked, SizeIs(1));
    world.cache.bring_all();
    expect_content(*again, 0, 4096);
    EXPECT_EQ(a->count + b->count, 2);
}

TEST(ReadPath, ALiveReadersReadsGoOnWhenADuplicateOfItsDescriptorIsClosed) {
    World world;
    auto page = world.read(0, 4096), readahead = world.read(4096, 128 * KiB);
    const std::size_t posts = world.sink.posts().size();
    world.file->flush(kOther, ignored);  // a child that closes its copy before exec()
    world.file->flush(kReader, ignored);
    EXPECT_EQ(page->count + readahead->count, 0);
    EXPECT_EQ(world.sink.posts().size(), posts) << "nothing is new to the sink";
    EXPECT_THAT(world.last().blocked, SizeIs(2));
    world.cache.bring_all();
    expect_content(*page, 0, 4096);
    expect_content(*readahead, 4096, 128 * KiB);
}

TEST(ReadPath, ACloseEndsTheReadaheadThatNobodyWaitsForButNotThePageOfAMappedFile) {
    World world;
    auto page = world.read(0, 4096), readahead = world.read(4096, 128 * KiB);
    world.processes.closed.insert(kReader);
    world.file->flush(kReader, ignored);
    EXPECT_EQ(readahead->error, EINTR);
    EXPECT_EQ(page->count, 0);
    EXPECT_THAT(world.last().blocked, ElementsAre(world.in_torrent(0, 4096)));
    EXPECT_TRUE(world.last().window.empty());
}

TEST(ReadPath, OfTwoProcessesOnOneHandleTheDeathOfOneEndsItsReadsAlone) {
    World world;
    auto living = world.read(0, 64 * KiB);
    world.reader = kOther;
    auto dying = world.read(MiB, 64 * KiB);
    world.kill_reader(*world.file);
    EXPECT_EQ(dying->error, EINTR);
    EXPECT_EQ(living->count, 0);
    EXPECT_THAT(world.last().blocked, ElementsAre(world.in_torrent(0, 64 * KiB)));
}

TEST(ReadPath, WhereProcessesAreHiddenACloseEndsTheReadsOfTheThreadThatClosed) {
    World world;
    world.processes.hidden = {kReader, kOther};
    auto others = world.read(0, 64 * KiB);
    world.reader = kOther;
    auto own = world.read(MiB, 64 * KiB);
    world.file->flush(kOther, ignored);
    EXPECT_EQ(own->error, EINTR);
    EXPECT_EQ(others->count, 0);
}

TEST(ReadPath, ReadsOfAThreadThatEndedWithoutAFlushAreFound) {
    World world;
    auto living = world.read(0, 4096);
    world.reader = kOther;
    auto mapped = world.read(MiB, 4096);
    world.path().end_reads_of_the_gone();
    EXPECT_EQ(living->count + mapped->count, 0);
    world.processes.gone.insert(kOther);
    world.path().end_reads_of_the_gone();
    EXPECT_EQ(mapped->error, EINTR);
    EXPECT_EQ(living->count, 0);
    EXPECT_THAT(world.last().blocked, SizeIs(1));
}

TEST(ReadPath, ReleaseDropsTheReaderEvenWhileAReplyIsUnderWay) {
    World world;
    auto answer = world.read(0, 4096);
    world.filesystem.release(*world.file);
    EXPECT_EQ(world.sink.drops(), 1u);
    world.cache.bring_all();
    expect_content(*answer, 0, 4096);
    EXPECT_FALSE(world.sink.late());
    EXPECT_TRUE(world.path().wait_until_idle(0s));
}

TEST(ReadPath, AnInterruptEndsItsReadOnly) {
    World world;
    auto a = world.read(0, 4096), b = world.read(10 * MiB, 4096);
    world.path().interrupt(a->id);
    EXPECT_EQ(a->error, EINTR);
    EXPECT_EQ(b->count, 0);
    EXPECT_THAT(world.last().blocked, ElementsAre(world.in_torrent(10 * MiB, 10 * MiB + 4096)));
    world.path().interrupt(a->id);  // too late
    world.path().interrupt(12345);  // no READ has this id
    world.cache.bring_all();
    EXPECT_EQ(b->count, 1);
    EXPECT_EQ(a->count, 1);
}

TEST(ReadPath, AnInterruptThatComesInsideItsRegistrationIsNotLost) {
    World world;
    auto answer = std::make_shared<Answer>();
    auto watch = [&](ReadId id) {
        world.path().interrupt(id);
        EXPECT_EQ(answer->count, 0);  // libfuse still holds the request
    };
    world.file->read({{0, 4096}}, std::make_unique<Reply>(answer, watch));
    EXPECT_EQ(answer->count, 1);
    EXPECT_EQ(answer->error, EINTR);
    EXPECT_EQ(world.path().parked_count(), 0);
    EXPECT_TRUE(world.last().blocked.empty());
}

TEST(ReadPath, CloseFailsWhatWaitsAndWhatComes) {
    World world;
    auto before = world.read(0, 4096);
    world.filesystem.close();
    EXPECT_EQ(before->error, EIO);
    EXPECT_EQ(world.read(0, 4096)->error, EIO);
    EXPECT_TRUE(world.path().wait_until_idle(0s));
}

// Cache that has all bytes.
struct FullReadSide : ReadSide {
    bool cancel(ReadId, Error) override { return false; }
    void close(Error) override {}
    bool has(ByteRange) const override { return true; }
    void expect(ByteRange) override {}
    bool leave_behind(ByteRange) override { return false; }
    std::uint64_t bytes_had() const override { return 0; }
};

// Cache whose disk hangs: it keeps the reply, and answers when the test says so, however late.
struct HungReadSide final : FullReadSide {
    ReadOutcome read(ReadId, ByteRange range, std::unique_ptr<ReadReply> reply) override {
        held.emplace_back(range, std::move(reply));
        return ReadOutcome::answered;
    }

    std::vector<std::pair<ByteRange, std::unique_ptr<ReadReply>>> held;
};

// Cache whose disk keeps each reader waiting while the next one comes.
struct SlowReadSide final : FullReadSide {
    ReadOutcome read(ReadId, ByteRange range, std::unique_ptr<ReadReply> reply) override {
        may_wait.push_back(reply->may_wait_for_disk());
        if (Handle* const handle = std::exchange(next, nullptr))
            handle->read({{0, 4096}}, std::make_unique<Reply>(std::make_shared<Answer>()));
        const std::vector<std::byte> bytes(range.size());
        const iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
        reply->data({&part, 1});
        return ReadOutcome::answered;
    }

    Handle* next = nullptr;
    std::vector<bool> may_wait;
};

TEST(ReadPath, LetsAllThreadsButOneWaitForTheDisk) {
    SlowReadSide cache;
    FakeDemandSink sink;
    Filesystem filesystem;
    const Slot slot = filesystem.add({sha1(as_bytes("t")), test::file_list({{"f", kSize}}), cache, sink, 0});
    Handle* const file = filesystem.open(NodeId{slot} << 32, false).value();
    const auto read_twice_at_once = [&] {
        cache.next = file;
        cache.may_wait.clear();
        file->read({{0, 4096}}, std::make_unique<Reply>(std::make_shared<Answer>()));
        return cache.may_wait;
    };
    EXPECT_EQ(read_twice_at_once(), (std::vector{false, false})) << "nobody said how many threads there are";
    filesystem.read_path().set_threads(2);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(read_twice_at_once(), (std::vector{true, false}));
    filesystem.read_path().set_threads(3);
    EXPECT_EQ(read_twice_at_once(), (std::vector{true, true}));
}

TEST(ReadPath, MayEndBeforeTheCacheHasAnsweredWhatItPromised) {
    HungReadSide cache;
    FakeDemandSink sink;
    std::vector<std::shared_ptr<Answer>> answers;
    {
        Filesystem filesystem;
        const Slot slot =
            filesystem.add({sha1(as_bytes("t")), test::file_list({{"f", kSize}}), cache, sink, 0});
        Handle* const file = filesystem.open(NodeId{slot} << 32, false).value();
        for (int i = 0; i < 3; ++i) {
            answers.push_back(std::make_shared<Answer>());
            file->read({{0, 4096}}, std::make_unique<Reply>(answers.back()));
        }
        filesystem.close();
        EXPECT_FALSE(filesystem.read_path().wait_until_idle(0s));
        filesystem.read_path().abandon_reads(fs_error::unmounted());
        for (const auto& answer : answers) EXPECT_EQ(answer->error, EIO);
        EXPECT_TRUE(filesystem.read_path().wait_until_idle(0s));
    }
    // The disk comes back: it answers one read with bytes and one with an error, and drops one.
    std::vector<std::byte> bytes(4096);
    const iovec part{bytes.data(), bytes.size()};
    cache.held[0].second->data({&part, 1});
    cache.held[1].second->fail(Errc::storage_failed);
    cache.held.clear();
    for (const auto& answer : answers) EXPECT_EQ(answer->count, 1);
}

TEST(ReadPath, ReadsThatAreAbandonedWhileTheyAreAnsweredAreAnsweredOnce) {
    for (int round = 0; round < 200; ++round) {
        HungReadSide cache;
        FakeDemandSink sink;
        Filesystem filesystem;
        const Slot slot =
            filesystem.add({sha1(as_bytes("t")), test::file_list({{"f", kSize}}), cache, sink, 0});
        Handle* const file = filesystem.open(NodeId{slot} << 32, false).value();
        std::vector<std::shared_ptr<Answer>> answers;
        for (int i = 0; i < 8; ++i) {
            answers.push_back(std::make_shared<Answer>());
            file->read({{0, 4096}}, std::make_unique<Reply>(answers.back()));
        }
        std::thread disk([&] {
            std::vector<std::byte> bytes(4096);
            const iovec part{bytes.data(), bytes.size()};
            for (auto& [range, reply] : cache.held) {
                reply->data({&part, 1});
                reply.reset();
            }
        });
        filesystem.read_path().abandon_reads(fs_error::unmounted());
        EXPECT_TRUE(filesystem.read_path().wait_until_idle(0s));
        disk.join();
        for (const auto& answer : answers) EXPECT_EQ(answer->count, 1);
    }
}

TEST(ReadPath, ADroppedReplyIsAnError) {
    World world;
    auto answer = world.read(0, 4096);
    world.cache.drop_parked();
    EXPECT_EQ(answer->count, 1);
    EXPECT_EQ(answer->error, EIO);
    EXPECT_EQ(world.path().parked_count(), 0);
}

TEST(ReadPath, TimeoutsCountFromTheLastProgress) {
    World world;
    auto answer = world.read(0, 128 * KiB);
    world.now += 9s;
    world.path().expire(10s);
    world.cache.bring({50 * MiB, 50 * MiB + 1});  // progress elsewhere in the torrent
    world.now += 9s;
    world.path().expire(10s);
    world.now += 9s;
    world.path().expire(10s);
    EXPECT_EQ(answer->count, 0);
    world.now += 2s;
    world.path().expire(10s);
    EXPECT_EQ(answer->error, EIO);
    EXPECT_TRUE(world.last().blocked.empty());
}

TEST(ReadPath, TheKernelsRetryOfATimeoutFailsAtOnceButNotALaterRead) {
    World world;
    world.read(0, 128 * KiB);
    world.now += 10s;
    world.path().expire(10s);
    EXPECT_EQ(world.read(4096, 4096)->error, EIO);
    EXPECT_EQ(world.read(1 * MiB, 4096)->count, 0);
    EXPECT_EQ(world.read(0, 128 * KiB)->count, 0);
    world.now += 2s;
    EXPECT_EQ(world.read(4096, 4096)->count, 0);
}

TEST(ReadPath, PastTheLimitTheOldestReadOfAProcessThatHasGoneIsEnded) {
    World world;
    Handle* const living = world.file;
    Handle* const dead = world.filesystem.open(world.node, false).value();
    world.path().set_parked_limit(4);
    auto kept = world.read(0, 4096);
    dead->flush(kOther, ignored);
    living->flush(kOther, ignored);
    world.file = dead;
    world.reader = kOther;
    auto first = world.read(1 * MiB, 4096), second = world.read(2 * MiB, 4096);
    world.processes.gone.insert(kOther);  // no FLUSH has told of its end
    world.reader = kReader;
    world.file = living;
    auto third = world.read(3 * MiB, 4096);
    EXPECT_EQ(first->count, 0);
    auto fourth = world.read(4 * MiB, 4096);
    EXPECT_EQ(first->error, EINTR);
    EXPECT_EQ(kept->count + second->count + third->count + fourth->count, 0);
    world.filesystem.close();
}

TEST(ReadPath, PastTheLimitNoMoreThanSoManyReadsAreLookedAt) {
    World world;
    world.path().set_parked_limit(static_cast<std::int64_t>(2 * ReadPath::kMaxExamined));
    world.file->flush(kOther, ignored);
    for (std::size_t i = 0; i < 2 * ReadPath::kMaxExamined; ++i) world.read(i * 4096, 4096);
    const int before = world.processes.asked;
    world.read(50 * MiB, 4096);
    EXPECT_EQ(world.processes.asked - before, static_cast<int>(ReadPath::kMaxExamined));
}

// Runs everything at once from several threads: each READ is answered once, and no demand follows a drop.
TEST(ReadPath, NoReplyIsLostOrDoubled) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world;
    constexpr int kThreads = 4, kRounds = 400;
    std::mutex mutex;
    std::vector<std::shared_ptr<Answer>> answers;
    std::atomic<bool> done{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            std::mt19937 random(seed + static_cast<unsigned>(t));
            for (int i = 0; i < kRounds; ++i) {
                Handle* file = world.filesystem.open(world.node, false).value();
                std::vector<std::shared_ptr<Answer>> mine;
                for (int k = 0; k < 3; ++k) {
                    const std::uint64_t begin = random() % (kSize - 4096);
                    auto answer = mine.emplace_back(std::make_shared<Answer>());
                    file->read({{begin, begin + 4096}, random() % 2 ? kReader : kOther},
                               std::make_unique<Reply>(answer));
                    if (random() % 4 == 0) world.path().interrupt(answer->id);
                }
                if (random() % 2) file->flush(kOther, ignored);
                if (random() % 4 == 0) world.path().expire(0s);
                world.filesystem.release(*file);
                std::lock_guard lock(mutex);
                answers.insert(answers.end(), mine.begin(), mine.end());
            }
        });
    }
    threads.emplace_back([&] {
        std::mt19937 random(seed);
        while (!done) {
            const std::uint64_t begin = random() % kSize;
            world.cache.bring({begin, begin + 1});
        }
    });
    for (int t = 0; t < kThreads; ++t) threads[static_cast<std::size_t>(t)].join();
    done = true;
    threads.back().join();
    world.filesystem.close();
    EXPECT_TRUE(world.path().wait_until_idle(5s));
    for (const auto& answer : answers) EXPECT_EQ(answer->count, 1);
    EXPECT_EQ(world.path().parked_count(), 0);
    EXPECT_FALSE(world.sink.late());
    EXPECT_EQ(world.sink.drops(), std::size_t{kThreads * kRounds});
}

}  // namespace
}  // namespace btfs
