#include "engine/swarm/picker.hpp"

#include <gtest/gtest.h>

#include "engine/core/rng.hpp"

namespace btfs {
namespace {

class Buffer final : public PieceBuffer {
  public:
    explicit Buffer(std::size_t size) : bytes_(size) {}
    std::span<std::byte> bytes() override { return bytes_; }

  private:
    std::vector<std::byte> bytes_;
};

constexpr std::uint32_t kPieceLength = 3 * kBlockSize;

struct PickerTest : ::testing::Test {
    PieceBufferPtr buffer() { return std::make_shared<Buffer>(kPieceLength); }

    Layout layout{kPieceLength, {{0, 10 * kPieceLength - 100, false}}};
    Picker picker{layout, Bitfield(10)};
};

TEST_F(PickerTest, APieceGoesThroughItsStatesAndBack) {
    const PieceIndex p(4);
    EXPECT_EQ(picker.state(p), PieceState::missing);
    PartialPiece& partial = picker.begin(p, buffer());
    EXPECT_EQ(picker.state(p), PieceState::receiving);
    for (std::uint32_t i = 0; i < 3; ++i) {
        partial.ask(i, {1, {}, {}});
        partial.receive(i, 1);
    }
    picker.start_verifying(p);
    EXPECT_EQ(picker.state(p), PieceState::verifying);
    const std::uint64_t before = picker.bytes_missing();
    const auto finished = picker.set_had(p);
    ASSERT_TRUE(finished);
    EXPECT_EQ(finished->source(2), 1u);
    EXPECT_EQ(picker.state(p), PieceState::had);
    EXPECT_EQ(picker.bytes_missing(), before - kPieceLength);
    picker.set_lost(p);
    EXPECT_EQ(picker.state(p), PieceState::missing);
    EXPECT_EQ(picker.bytes_missing(), before);
    EXPECT_TRUE(picker.nothing_unverified());
}

TEST_F(PickerTest, ABlockMayBeAskedOfSeveralAndTheFirstToSendItEndsTheOthers) {
    PartialPiece& partial = picker.begin(PieceIndex(0), buffer());
    EXPECT_EQ(partial.first_free(), 0u);
    partial.ask(0, {1, {}, {}});
    partial.ask(0, {2, {}, {}});
    EXPECT_EQ(partial.first_free(), 1u);
    partial.unask(0, 1);
    EXPECT_EQ(partial.state(0), BlockState::asked);
    partial.ask(0, {3, {}, {}});
    EXPECT_EQ(partial.receive(0, 3), std::vector<ConnectionId>{2});
    EXPECT_EQ(partial.source(0), 3u);
    partial.discard(0);
    EXPECT_EQ(partial.first_free(), 0u);
}

TEST_F(PickerTest, PaddingIsNotAskedFor) {
    const Layout padded(
        kPieceLength, {{0, kBlockSize + 10, false}, {kBlockSize + 10, kPieceLength - kBlockSize - 10, true}});
    std::set<PieceIndex> open;
    PartialPiece partial(PieceIndex(0), padded, buffer(), open);
    EXPECT_EQ(partial.payload(1).size, 10u);
    EXPECT_EQ(partial.state(2), BlockState::received);
    EXPECT_EQ(partial.free_count(), 2u);
}

TEST_F(PickerTest, TheRarestPieceIsNextAndBegunOnesGoFirst) {
    Bitfield some(10, true);
    some.clear(PieceIndex(6));
    picker.seed_joined();
    picker.pieces_joined(some);
    const auto any = [](PieceIndex) { return true; };
    EXPECT_EQ(picker.rarest(any, 0), PieceIndex(6));
    EXPECT_EQ(picker.availability(PieceIndex(6)), 1u);
    picker.begin(PieceIndex(9), buffer());
    EXPECT_EQ(picker.rarest(any, 0), PieceIndex(9));
    EXPECT_EQ(picker.rarest([](PieceIndex p) { return p.value() == 2; }, 0), PieceIndex(2));
    picker.pieces_left(some);
    picker.seed_left();
    EXPECT_EQ(picker.availability(PieceIndex(6)), 0u);
}

TEST_F(PickerTest, TheRarestIsTheRarestWhateverComesAndGoes) {
    Rng rng(7);
    std::vector<Bitfield> peers;
    const auto eligible = [](PieceIndex p) { return p.value() % 3 != 0; };
    for (int step = 0; step < 3000; ++step) {
        const PieceIndex p(static_cast<std::uint32_t>(rng.below(10)));
        switch (rng.below(8)) {
            case 0:
                if (peers.size() < 20) picker.pieces_joined(peers.emplace_back(10));
                break;
            case 1:
                if (peers.empty()) break;
                picker.pieces_left(peers.back());
                peers.pop_back();
                break;
            case 2:
            case 3:
                if (!peers.empty() && peers.back().set(p)) picker.piece_gained(p);
                break;
            case 4:
                if (!peers.empty() && peers.back().clear(p)) picker.piece_left(p);
                break;
            case 5:
                if (picker.state(p) == PieceState::missing) picker.set_had(p);
                break;
            case 6:
                picker.state(p) == PieceState::had ? picker.set_lost(p) : void();
                break;
            default:
                if (picker.state(p) == PieceState::missing) {
                    PartialPiece& partial = picker.begin(p, buffer());
                    for (std::uint32_t i = 0; i < 3; ++i) partial.ask(i, {1, {}, {}});
                } else if (picker.state(p) == PieceState::receiving) {
                    picker.abandon(p);
                }
        }
        std::optional<std::uint32_t> least;
        for (PieceIndex q(0); q.value() < 10; q = q.next())
            if (picker.state(q) == PieceState::missing && eligible(q))
                least = std::min(least.value_or(~0u), picker.availability(q));
        const auto rarest = picker.rarest(eligible, rng.below(100));
        ASSERT_EQ(rarest.has_value(), least.has_value()) << step;
        if (!rarest) continue;
        ASSERT_TRUE(eligible(*rarest) && picker.state(*rarest) == PieceState::missing) << step;
        ASSERT_EQ(picker.availability(*rarest), *least) << step;
    }
}

}  // namespace
}  // namespace btfs
