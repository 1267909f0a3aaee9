#include "engine/webseed/web_seed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace btfs::webseed {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint32_t kPiece = 64 * 1024;
constexpr std::uint64_t kMiB = 1 << 20;

/// Byte of the torrent at an offset.
std::byte content_at(std::uint64_t offset) {
    return static_cast<std::byte>((offset * 31 + offset / 251) & 0xff);
}

Layout layout_of(std::initializer_list<std::uint64_t> sizes, std::uint32_t piece_length = kPiece) {
    std::vector<FileExtent> files;
    std::uint64_t at = 0;
    for (const std::uint64_t size : sizes) {
        files.push_back({at, size, false});
        at += size;
    }
    return Layout(piece_length, std::move(files));
}

/// A seed, what it said, and a server with all content.
struct World {
    explicit World(Layout the_layout, Protocol protocol = Protocol::files)
        : layout(std::move(the_layout)),
          memory(layout),
          seed(
              layout, memory, [this](std::uint64_t) { return gap_end; }, now, protocol) {
        gap_end = layout.total_size();
    }

    BlockRef block(std::uint64_t offset_in_torrent) const {
        const PieceIndex piece = layout.piece_at(offset_in_torrent);
        const auto in_piece =
            static_cast<std::uint32_t>(offset_in_torrent - layout.piece_offset_in_torrent(piece));
        return {piece, in_piece, std::min(kBlockSize, layout.piece_size(piece) - in_piece)};
    }
    void request(std::uint64_t from, std::uint64_t to) {
        for (; from < to; from += kBlockSize) seed.request(block(from));
        settle();
    }
    void settle() {
        seed.settle(now);
        take();
    }
    void take() {
        for (const SeedAction& action : seed.take_actions()) {
            if (const auto* fetch = std::get_if<Fetch>(&action)) {
                fetches.push_back({fetch->file.value(), fetch->in_file.begin, fetch->in_file.end});
                lanes[fetch->lane] = {fetch->file, fetch->in_file, fetch->in_file.begin};
            } else if (const auto* close = std::get_if<CloseLane>(&action)) {
                lanes.erase(close->lane);
                ++closed;
            } else if (const auto* ready = std::get_if<BlockReady>(&action)) {
                const std::uint64_t begin = range_of(layout, ready->block).begin;
                bool right = ready->data.size() == ready->block.size;
                for (std::size_t i = 0; right && i < ready->data.size(); ++i) {
                    const bool pad = layout.files()[layout.file_at(begin + i).value()].pad;
                    right = ready->data[i] == (pad ? std::byte{} : content_at(begin + i));
                }
                EXPECT_TRUE(right) << "block at " << begin;
                ready_at.push_back(begin);
            } else if (const auto* denied = std::get_if<BlockDenied>(&action)) {
                denied_at.push_back(range_of(layout, denied->block).begin);
            } else if (const auto* rested = std::get_if<Rested>(&action)) {
                rests.push_back(rested->length);
            } else if (std::get_if<Resumed>(&action)) {
                ++resumed;
            } else if (const auto* lost = std::get_if<PieceWithdrawn>(&action)) {
                withdrawn.push_back(lost->piece.value());
            } else if (const auto* gained = std::get_if<PieceOffered>(&action)) {
                regained.push_back(gained->piece.value());
            } else if (const auto* bad = std::get_if<FileDistrusted>(&action)) {
                distrusted.push_back(bad->file.value());
            } else if (const auto* end = std::get_if<Ended>(&action)) {
                ended = end->reason;
            }
        }
    }
    /// Replies as a sound server does.
    void reply(LaneId lane) {
        const ByteRange asked = lanes.at(lane).in_file;
        const std::string range = "bytes " + std::to_string(asked.begin) + "-" +
                                  std::to_string(asked.end - 1) + "/" +
                                  std::to_string(layout.files()[lanes.at(lane).file.value()].size);
        seed.on_reply(lane, {.status = 206, .content_range = range, .body_size = asked.size()}, now);
        take();
    }
    void reply(LaneId lane, const ReplyHead& head) {
        seed.on_reply(lane, head, now);
        take();
    }
    /// Gives the lane as much of the body as it wants, at most so much. Returns how much that was.
    std::uint64_t body(LaneId lane, std::uint64_t most = std::uint64_t{1} << 40) {
        std::uint64_t given = 0;
        while (lanes.contains(lane)) {
            const std::uint64_t n = std::min({seed.wanted(lane), most - given, std::uint64_t{10'000}});
            if (n == 0) break;
            const std::uint64_t at =
                layout.files()[lanes.at(lane).file.value()].offset_in_torrent + lanes.at(lane).next;
            Bytes bytes(n);
            for (std::size_t i = 0; i < n; ++i) bytes[i] = content_at(at + i);
            lanes.at(lane).next += n;
            given += n;
            seed.on_body(lane, bytes, now);
            take();
        }
        return given;
    }
    void pass(Duration time) {
        now += time;
        seed.handle_timeout(now);
        take();
    }

    struct Lane {
        FileIndex file;
        ByteRange in_file;
        std::uint64_t next = 0;
    };
    using Fetched = std::array<std::uint64_t, 3>;

    Layout layout;
    SeedMemory memory;
    TimePoint now = TimePoint{} + 1h;
    std::uint64_t gap_end = 0;
    WebSeed seed;
    std::map<LaneId, Lane> lanes;
    std::vector<Fetched> fetches;  ///< file, begin, end
    std::vector<std::uint64_t> ready_at, denied_at;
    std::vector<std::uint32_t> withdrawn, regained, distrusted;
    std::vector<Duration> rests;
    int closed = 0, resumed = 0;
    Error ended;
};

TEST(WebSeed, WhatIsWorthReadingReachesToTheEndOfTheBlockThere) {
    World w(layout_of({10 * kMiB}));
    w.request(4 * kMiB, 4 * kMiB + 3 * kBlockSize);
    w.reply(0);
    EXPECT_EQ(w.seed.worth_reading(0), kBlockSize);
    w.body(0, 10'000);
    EXPECT_EQ(w.seed.worth_reading(0), kBlockSize - 10'000);
    w.body(0, kBlockSize);
    EXPECT_EQ(w.seed.worth_reading(0), kBlockSize - 10'000);
    w.body(0);
    EXPECT_EQ(w.seed.wanted(0), 0u);
    EXPECT_EQ(w.seed.worth_reading(0), 0u);
}

TEST(WebSeed, OneRequestGoesToTheEndOfTheGapAndGoesOnAsBlocksAreAskedFor) {
    World world(layout_of({10 * kMiB}));
    world.gap_end = 4 * kMiB;
    world.request(kMiB, kMiB + 2 * kBlockSize);
    EXPECT_THAT(world.fetches, ElementsAre(World::Fetched{0, kMiB, 4 * kMiB}));
    world.reply(0);
    EXPECT_EQ(world.body(0), 2 * kBlockSize);
    EXPECT_THAT(world.ready_at, ElementsAre(kMiB, kMiB + kBlockSize));
    for (std::uint64_t at = kMiB + 2 * kBlockSize; at < 4 * kMiB; at += kBlockSize) {
        EXPECT_EQ(world.seed.wanted(0), 0u);  // nothing is asked for: the server waits
        world.request(at, at + kBlockSize);
        EXPECT_EQ(world.body(0), kBlockSize);
    }
    EXPECT_EQ(world.fetches.size(), 1u);
    world.seed.on_end(0, true, world.now);
    world.take();
    EXPECT_EQ(world.closed, 0);
    world.gap_end = 10 * kMiB;
    world.request(5 * kMiB, 5 * kMiB + kBlockSize);
    EXPECT_EQ(world.seed.lane_count(), 1u);  // the connection is used again
    EXPECT_THAT(world.fetches.back(), ElementsAre(0u, 5 * kMiB, 10 * kMiB));
}

TEST(WebSeed, AColdPieceIsSplitOverTheConnectionsAndTheLastGoesOn) {
    const std::uint64_t piece = kMiB, quarter = piece / 4;
    World world(layout_of({10 * kMiB}, piece));
    world.request(2 * kMiB, 4 * kMiB);
    EXPECT_THAT(world.fetches, ElementsAre(World::Fetched{0, 2 * kMiB, 2 * kMiB + quarter},
                                           World::Fetched{0, 2 * kMiB + quarter, 2 * kMiB + 2 * quarter},
                                           World::Fetched{0, 2 * kMiB + 2 * quarter, 2 * kMiB + 3 * quarter},
                                           World::Fetched{0, 2 * kMiB + 3 * quarter, 10 * kMiB}));
    for (LaneId lane : {0u, 1u, 2u, 3u}) {
        world.reply(lane);
        EXPECT_EQ(world.body(lane), lane < 3 ? quarter : quarter + kMiB);
        if (lane < 3) world.seed.on_end(lane, true, world.now);
    }
    EXPECT_EQ(world.ready_at.size(), 2 * kMiB / kBlockSize);
    world.pass(1s);
    world.request(5 * kMiB, 6 * kMiB);  // three are idle; the fourth could go on
    EXPECT_EQ(world.fetches.size(), 7u);
    EXPECT_EQ(world.closed, 0);
}

TEST(WebSeed, WhatFollowsOnAWarmConnectionIsNotSplit) {
    World world(layout_of({kMiB, 4 * kMiB}, kMiB));
    world.request(0, kBlockSize);
    world.reply(0);
    world.body(0);
    world.request(kBlockSize, kMiB);
    world.body(0);
    world.seed.on_end(0, true, world.now);
    world.request(kMiB, 3 * kMiB);
    EXPECT_THAT(world.fetches.back(), ElementsAre(1u, 0u, 4 * kMiB));
    EXPECT_EQ(world.fetches.size(), 2u);
}

TEST(WebSeed, ABlockOverTheBordersOfFilesComesFromEach) {
    World world(layout_of({10'000, 3'000, 0, 60'000}));
    world.request(0, kBlockSize);
    EXPECT_THAT(world.fetches, ElementsAre(World::Fetched{0, 0, 10'000}, World::Fetched{1, 0, 3'000},
                                           World::Fetched{3, 0, 60'000}));
    for (LaneId lane : {2u, 0u, 1u}) {
        EXPECT_THAT(world.ready_at, IsEmpty());
        world.reply(lane);
        world.body(lane);
    }
    EXPECT_THAT(world.ready_at, ElementsAre(0u));
}

TEST(WebSeed, PadFilesAreZerosAndNeverAskedFor) {
    Layout layout(kPiece, {{0, 10'000, false}, {10'000, kPiece - 10'000, true}, {kPiece, 5'000, false}});
    World world(std::move(layout));
    world.request(0, kBlockSize);
    world.seed.request(world.block(kBlockSize));  // padding alone
    world.settle();
    EXPECT_THAT(world.ready_at, ElementsAre(kBlockSize));
    EXPECT_THAT(world.fetches, ElementsAre(World::Fetched{0, 0, 10'000}));
    world.reply(0);
    world.body(0);
    EXPECT_THAT(world.ready_at, ElementsAre(kBlockSize, 0u));
}

TEST(WebSeed, ASeekOpensAnotherConnectionAndBeyondTheLimitTakesOneThatIsNotRead) {
    World world(layout_of({100 * kMiB}));
    for (std::uint64_t i = 0; i < WebSeed::kMaxLanes; ++i) {
        world.request(i * 10 * kMiB, i * 10 * kMiB + kBlockSize);
        world.reply(static_cast<LaneId>(i));
    }
    EXPECT_EQ(world.seed.lane_count(), WebSeed::kMaxLanes);
    world.request(90 * kMiB, 90 * kMiB + kBlockSize);
    EXPECT_EQ(world.fetches.size(), WebSeed::kMaxLanes);  // all are busy
    world.body(1);
    EXPECT_EQ(world.fetches.size(), WebSeed::kMaxLanes + 1);
    EXPECT_EQ(world.fetches.back()[1], 90 * kMiB);
    EXPECT_EQ(world.closed, 1);
    EXPECT_EQ(world.seed.lane_count(), WebSeed::kMaxLanes);
}

TEST(WebSeed, ASmallHoleIsReadAndALargeOneIsNot) {
    World world(layout_of({10 * kMiB}));
    world.request(0, kBlockSize);
    world.reply(0);
    world.body(0);
    world.request(4 * kBlockSize, 5 * kBlockSize);
    EXPECT_EQ(world.body(0), 4 * kBlockSize);
    EXPECT_EQ(world.fetches.size(), 1u);
    world.request(5 * kBlockSize + WebSeed::kMaxSkip + kBlockSize,
                  6 * kBlockSize + WebSeed::kMaxSkip + kBlockSize);
    EXPECT_EQ(world.fetches.size(), 2u);
}

TEST(WebSeed, AConnectionThatIsNotReadIsClosedAfterAWhile) {
    World world(layout_of({10 * kMiB}));
    world.request(0, kBlockSize);
    world.reply(0);
    world.body(0);
    world.pass(WebSeed::kPausedFor);
    EXPECT_EQ(world.closed, 1);
    EXPECT_THAT(world.rests, IsEmpty());
}

TEST(WebSeed, AShortRestIsReadSoThatTheConnectionStays) {
    World world(layout_of({3 * kBlockSize}));
    world.request(0, kBlockSize);
    world.reply(0);
    world.body(0);
    world.pass(WebSeed::kPausedFor);
    EXPECT_EQ(world.body(0), 2 * kBlockSize);
    world.seed.on_end(0, true, world.now);
    world.take();
    EXPECT_EQ(world.closed, 0);
    world.pass(WebSeed::kIdleFor);
    EXPECT_EQ(world.closed, 1);
}

TEST(WebSeed, ABlockThatIsCancelledIsNotRead) {
    World world(layout_of({10 * kMiB}));
    world.request(0, 2 * kBlockSize);
    world.reply(0);
    EXPECT_TRUE(world.seed.cancel(world.block(kBlockSize)));
    EXPECT_FALSE(world.seed.cancel(world.block(kBlockSize)));
    world.settle();
    EXPECT_EQ(world.body(0), kBlockSize);
    EXPECT_THAT(world.ready_at, ElementsAre(0u));
}

TEST(WebSeed, AServerThatSendsAByteAtATimeIsNotAskedForEachOfThem) {
    World world(layout_of({10 * kPiece}));
    world.request(0, kBlockSize);
    std::size_t replies = 0;
    for (int i = 0; i < 100 && !world.lanes.empty(); ++i) {
        const auto [lane, asked] = *world.lanes.begin();
        const std::string at = std::to_string(asked.in_file.begin);
        world.reply(lane, {.status = 206, .content_range = "bytes " + at + "-" + at + "/*", .body_size = 1});
        world.body(lane, 1);
        world.seed.on_end(lane, true, world.now);
        world.take();
        ++replies;
    }
    EXPECT_LE(replies, 4u);
    EXPECT_EQ(world.rests.size(), 1u);
}

TEST(WebSeed, AFileOfAnotherSizeIsDistrustedAndTheOthersGoOn) {
    World world(layout_of({kPiece + 100, 10 * kPiece}));
    world.request(0, kBlockSize);
    world.request(4 * kPiece, 4 * kPiece + kBlockSize);
    world.reply(0, {.status = 206, .content_range = "bytes 0-99/100"});
    EXPECT_THAT(world.distrusted, ElementsAre(0u));
    EXPECT_THAT(world.withdrawn, ElementsAre(0u, 1u));  // the second piece lies in both
    EXPECT_THAT(world.denied_at, ElementsAre(0u));
    world.request(kPiece, kPiece + kBlockSize);
    EXPECT_THAT(world.denied_at, ElementsAre(0u, kPiece));
    world.reply(1);
    world.body(1);
    EXPECT_THAT(world.ready_at, ElementsAre(4 * kPiece));
    EXPECT_FALSE(world.ended);
}

TEST(WebSeed, ASeedWithoutAnyFileEnds) {
    World world(layout_of({kPiece, kPiece}));
    world.request(0, kBlockSize);
    world.request(kPiece, kPiece + kBlockSize);
    world.reply(0, {.status = 404});
    EXPECT_FALSE(world.ended);
    world.reply(1, {.status = 404});
    EXPECT_TRUE(world.ended);
    EXPECT_FALSE(world.memory.is_usable());
}

TEST(WebSeed, AFailedPieceOfOneFileDistrustsTheFile) {
    World world(layout_of({4 * kPiece, 4 * kPiece}));
    world.seed.on_piece_failed(PieceIndex(2), world.now);
    world.take();
    EXPECT_THAT(world.distrusted, ElementsAre(0u));
    EXPECT_THAT(world.withdrawn, ElementsAre(0u, 1u, 2u, 3u));
}

TEST(WebSeed, AFailedPieceOfSeveralFilesIsNotAskedForAgainAndSeveralEndTheSeed) {
    World world(layout_of({100, 100, kPiece, 100, kPiece, 100, kPiece, 100, kPiece, 4 * kPiece}));
    for (std::uint32_t i = 0; i < SeedMemory::kMaxFailedPieces; ++i) {
        EXPECT_FALSE(world.ended);
        world.seed.on_piece_failed(PieceIndex(i), world.now);
        world.take();
    }
    EXPECT_THAT(world.distrusted, IsEmpty());
    EXPECT_THAT(world.withdrawn, ElementsAre(0u, 1u, 2u, 3u));
    EXPECT_TRUE(world.ended);
    EXPECT_FALSE(world.memory.is_usable());
}

TEST(WebSeed, PiecesThatWereUnderWayWhenTheirFileFailedCountOnce) {
    World world(layout_of({10 * kPiece, kPiece}));
    for (std::uint32_t i = 0; i < 2 * SeedMemory::kMaxFailedPieces; ++i)
        world.seed.on_piece_failed(PieceIndex(i), world.now);
    world.take();
    EXPECT_THAT(world.distrusted, ElementsAre(0u));
    EXPECT_FALSE(world.ended);
    EXPECT_TRUE(world.memory.is_usable());
}

TEST(WebSeed, RestsAfterFailuresLongerAndLonger) {
    World world(layout_of({kMiB}));
    for (Duration rest : {1s, 2s, 4s}) {
        world.request(0, kBlockSize);
        world.reply(world.lanes.begin()->first, {.status = 503});
        EXPECT_EQ(world.rests.back(), rest);
        EXPECT_EQ(world.denied_at.size(), world.rests.size());
        EXPECT_TRUE(world.seed.resting());
        world.pass(rest);
        EXPECT_FALSE(world.seed.resting());
    }
    world.request(0, kBlockSize);
    world.reply(world.lanes.begin()->first);
    world.body(world.lanes.begin()->first);
    world.request(kBlockSize, 2 * kBlockSize);
    world.seed.on_failed(world.lanes.begin()->first, Errc::connection_closed, world.now);
    world.take();
    EXPECT_EQ(world.rests.size(), 3u);  // it had brought something: the rest is asked for at once
    EXPECT_EQ(world.fetches.back()[1], kBlockSize);
}

TEST(WebSeed, RestsAsLongAsTheServerSays) {
    World world(layout_of({kMiB}));
    world.request(0, kBlockSize);
    world.reply(0, {.status = 429, .retry_after = "60"});
    EXPECT_THAT(world.rests, ElementsAre(Duration(60s)));
    WebSeed next(
        world.layout, world.memory, [](std::uint64_t) { return kMiB; }, world.now);
    EXPECT_TRUE(next.resting());  // on another connection, too
}

TEST(WebSeed, WhileOtherConnectionsWorkAServerThatRefusesOneGetsFewer) {
    World world(layout_of({100 * kMiB}));
    world.request(0, 2 * kBlockSize);
    world.reply(0);
    world.body(0, kBlockSize);
    world.request(50 * kMiB, 50 * kMiB + kBlockSize);
    world.reply(1, {.status = 503});
    EXPECT_THAT(world.rests, IsEmpty());
    EXPECT_EQ(world.seed.lane_count(), 1u);
    world.body(0);
    EXPECT_EQ(world.fetches.back()[1], 50 * kMiB);  // by the connection that is not needed any more
    EXPECT_EQ(world.seed.lane_count(), 1u);
}

TEST(WebSeed, AServerThatStallsIsLeft) {
    World world(layout_of({kMiB}));
    world.request(0, 4 * kBlockSize);
    world.pass(WebSeed::kReplyTimeout);
    EXPECT_EQ(world.rests.size(), 1u);
    world.pass(world.rests.back());
    world.request(0, 4 * kBlockSize);
    const LaneId lane = world.lanes.begin()->first;
    world.reply(lane);
    world.body(lane, 100);
    world.pass(WebSeed::kStallTimeout);
    EXPECT_EQ(world.rests.size(), 2u);
}

TEST(WebSeed, ABrokenBodyGoesOnWhereItBroke) {
    World world(layout_of({kMiB}));
    world.request(0, 4 * kBlockSize);
    world.reply(0);
    world.body(0, 2 * kBlockSize + 7);
    world.seed.on_end(0, false, world.now);
    world.take();
    EXPECT_EQ(world.fetches.back()[1], 2 * kBlockSize + 7);
    world.reply(1);
    world.body(1);
    EXPECT_THAT(world.ready_at, ElementsAre(0u, kBlockSize, 2 * kBlockSize, 3 * kBlockSize));
}

TEST(WebSeed, AFileThatFailsAgainAndAgainIsDistrusted) {
    World world(layout_of({kPiece, kPiece}));
    for (unsigned i = 0; i < SeedMemory::kMaxFileFailures; ++i) {
        world.request(0, kBlockSize);
        world.seed.on_failed(world.lanes.begin()->first, Errc::connection_closed, world.now);
        world.take();
        world.pass(world.rests.back());
    }
    EXPECT_THAT(world.distrusted, ElementsAre(0u));
    EXPECT_FALSE(world.ended);
}

TEST(WebSeed, RefusedRedirectsConcernTheFileAndALocalAddressTheSeed) {
    World world(layout_of({kPiece, kPiece, kPiece}));
    world.request(0, kBlockSize);
    world.seed.on_failed(0, Errc::http_redirect_refused, world.now);
    world.take();
    EXPECT_THAT(world.distrusted, ElementsAre(0u));
    world.request(kPiece, kPiece + kBlockSize);
    world.seed.on_failed(1, Errc::http_local_refused, world.now);
    world.take();
    EXPECT_EQ(world.ended, Errc::http_local_refused);
    EXPECT_FALSE(world.memory.is_usable());
}

TEST(WebSeed, WithoutRangesAFileIsReadFromItsStartAndOffersWhatComesSoon) {
    const std::uint64_t size = 100 * kMiB, piece = kMiB;
    World world(layout_of({size}, piece));
    world.request(2 * kMiB, 2 * kMiB + kBlockSize);
    world.request(90 * kMiB, 90 * kMiB + kBlockSize);
    world.reply(0, {.status = 200, .body_size = size});
    EXPECT_THAT(world.denied_at, ElementsAre(90 * kMiB));
    EXPECT_EQ(world.withdrawn.size(), 100 - SeedMemory::kMaxDiscard / kMiB);
    world.lanes.at(0).next = 0;
    EXPECT_EQ(world.body(0), 2 * kMiB + kBlockSize);
    EXPECT_THAT(world.ready_at, ElementsAre(2 * kMiB));
    EXPECT_THAT(world.regained, IsEmpty());
    world.pass(WebSeed::kPausedFor);  // its place in the file is not given up soon
    EXPECT_TRUE(world.lanes.contains(0));
    for (std::uint64_t at = 2 * kMiB + kBlockSize; at < 60 * kMiB; at += kBlockSize) {
        world.request(at, at + kBlockSize);
        world.body(0);
    }
    EXPECT_EQ(world.ready_at.size(), 1 + (58 * kMiB - kBlockSize) / kBlockSize);
    EXPECT_TRUE(world.seed.offered().test(PieceIndex(87)));
    EXPECT_FALSE(world.seed.offered().test(PieceIndex(88)));
    EXPECT_FALSE(world.seed.offered().test(PieceIndex(40)));  // behind it, and too far from the start
    EXPECT_TRUE(world.seed.offered().test(PieceIndex(59)));
    // Bytes that the lane has passed cannot be had again, and are not offered after they were asked for.
    world.request(57 * kMiB, 57 * kMiB + kBlockSize);
    EXPECT_EQ(world.denied_at.back(), 57 * kMiB);
    EXPECT_FALSE(world.seed.offered().test(PieceIndex(57)));
}

TEST(WebSeed, WithoutRangesOneBodyServesAllThatIsAskedFor) {
    World world(layout_of({10 * kMiB}, kMiB));
    world.request(0, kMiB);
    EXPECT_EQ(world.fetches.size(), 4u);
    world.reply(2, {.status = 200, .body_size = 10 * kMiB});
    EXPECT_EQ(world.seed.lane_count(), 1u);
    world.lanes.at(2).next = 0;
    EXPECT_EQ(world.body(2), kMiB);
    EXPECT_EQ(world.ready_at.size(), kMiB / kBlockSize);
}

TEST(WebSeed, AServerThatSendsAWholeFileAsAskedMayKnowRanges) {
    World world(layout_of({10 * kMiB}));
    world.request(0, kBlockSize);
    world.reply(0, {.status = 200, .body_size = 10 * kMiB});
    EXPECT_FALSE(world.memory.ignores_ranges(FileIndex(0)));
    EXPECT_EQ(world.body(0), kBlockSize);
}

TEST(WebSeed, WithoutRangesAFarRequestIsGivenUp) {
    World world(layout_of({100 * kMiB}, kMiB));
    world.request(90 * kMiB, 90 * kMiB + kBlockSize);
    world.reply(0, {.status = 200, .body_size = 100 * kMiB});
    EXPECT_EQ(world.closed, 1);
    EXPECT_THAT(world.denied_at, ElementsAre(90 * kMiB));
    EXPECT_FALSE(world.seed.offered().test(PieceIndex(90)));
    EXPECT_TRUE(world.seed.offered().test(PieceIndex(31)));
}

TEST(WebSeed, AHugeFileThatIsLostEndsTheConnection) {
    World world(layout_of({(WebSeed::kMaxToldPieces + 1) * kPiece, kPiece}));
    world.request(0, kBlockSize);
    world.reply(0, {.status = 404});
    EXPECT_EQ(world.withdrawn.size(), WebSeed::kMaxToldPieces);
    EXPECT_TRUE(world.ended);
    EXPECT_TRUE(world.memory.is_usable());
}

TEST(WebSeed, WhatIsAskedForTwiceIsDenied) {
    World world(layout_of({kMiB}));
    world.request(0, kBlockSize);
    world.request(0, kBlockSize);
    world.seed.request({PieceIndex(0), 5, 10});
    world.settle();
    EXPECT_THAT(world.denied_at, ElementsAre(0u, 5u));
}

TEST(WebSeed, RequestsAreBounded) {
    World world(layout_of({100 * kMiB}));
    world.request(0, (WebSeed::kMaxBlocks + 1) * kBlockSize);
    EXPECT_THAT(world.denied_at, ElementsAre(WebSeed::kMaxBlocks * kBlockSize));
}

TEST(WebSeed, AnHttpSeedIsAskedForOnePieceAfterAnotherOnOneConnection) {
    World w(layout_of({10 * kPiece}), Protocol::pieces);
    w.request(kPiece + kBlockSize, 3 * kPiece);
    EXPECT_THAT(w.fetches, ElementsAre(World::Fetched{0, kPiece + kBlockSize, 2 * kPiece}));
    w.reply(0, {.status = 200, .body_size = kPiece - kBlockSize});
    EXPECT_EQ(w.body(0), kPiece - kBlockSize);
    w.seed.on_end(0, true, w.now);
    w.take();
    ASSERT_EQ(w.fetches.size(), 2u);
    EXPECT_EQ(w.fetches[1], (World::Fetched{0, 2 * kPiece, 3 * kPiece}));
    w.reply(0, {.status = 200});  // ends where the body does
    EXPECT_EQ(w.body(0), kPiece);
    EXPECT_EQ(w.ready_at.size(), 7u);
    EXPECT_EQ(w.closed, 0);
}

TEST(WebSeed, AnHttpSeedThatSaysWhenToComeBackHasNotFailed) {
    World w(layout_of({10 * kPiece}), Protocol::pieces);
    for (int i = 0; i < 20; ++i) {
        w.request(0, kBlockSize);
        w.reply(w.lanes.begin()->first, {.status = 503, .retry_after = "30\r\n"});
        w.pass(29s);
        EXPECT_TRUE(w.seed.resting());
        w.pass(1s);
        EXPECT_FALSE(w.seed.resting());
    }
    EXPECT_EQ(w.rests, std::vector<Duration>(20, 30s));
    EXPECT_EQ(w.memory.failures(), 0u);
    w.request(0, kBlockSize);
    w.reply(w.lanes.begin()->first, {.status = 503, .retry_after = "99999999"});
    EXPECT_EQ(w.rests.back(), SeedMemory::kLongestRetryAfter);
}

TEST(WebSeed, AnHttpSeedThatFailsIsAskedLessAndLessOftenAndOneWithOtherSizesNotAgain) {
    World w(layout_of({10 * kPiece}), Protocol::pieces);
    for (const unsigned status : {404u, 206u, 500u}) {
        w.request(0, kBlockSize);
        w.reply(w.lanes.begin()->first, {.status = status});
        w.pass(w.rests.back());
    }
    EXPECT_THAT(w.rests, ElementsAre(1s, 2s, 4s));
    w.request(0, kBlockSize);
    w.reply(w.lanes.begin()->first, {.status = 200, .body_size = 17});
    EXPECT_TRUE(w.ended);
    EXPECT_FALSE(w.memory.is_usable());
}

}  // namespace
}  // namespace btfs::webseed
