#include "cache/pieces/spilling_piece.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <numeric>

#include "cache/disk/linux_files.hpp"
#include "tests/cache/support/store_world.hpp"

namespace btfs {
namespace {

constexpr std::size_t MiB = 1 << 20;
constexpr std::uint64_t kBegin = 3 * kBlockSize;

/// Piece of slightly more than 8 MiB whose jobs run when the test runs them.
struct SpillingPieceTest : testing::Test {
    Rng rng{7};
    Bytes content = random_bytes(8 * MiB + 777);
    std::uint32_t blocks = static_cast<std::uint32_t>(units_for(content.size(), kBlockSize));
    test::TempDir dir;
    std::shared_ptr<test::FaultFiles> files =
        std::make_shared<test::FaultFiles>(LinuxFiles::open_folder(dir.path()).value());
    DataFile file{files, "data"};
    PieceMemory memory;
    std::deque<Task> jobs;
    int credits = 0;
    std::shared_ptr<SpillingPiece> piece;

    SpillingPieceTest() { make_piece(); }
    void make_piece() {
        SpillingPiece::Owner owner{[this](Task job) { jobs.push_back(std::move(job)); },
                                   [this] { ++credits; }};
        piece = std::make_shared<SpillingPiece>(ByteRange{kBegin, kBegin + content.size()}, file,
                                                *memory.reserve(MiB, MemoryUse::ahead), std::move(owner));
    }
    Bytes random_bytes(std::size_t size) {
        Bytes bytes(size);
        for (std::byte& b : bytes) b = static_cast<std::byte>(rng.below(256));
        return bytes;
    }
    void receive(std::uint32_t block) { test::receive_block(*piece, content, block); }
    /// Receives all blocks while the disk keeps up with the network.
    void receive_all() {
        for (std::uint32_t i = 0; i < blocks; ++i) {
            receive(i);
            run_jobs();
        }
    }
    void run_jobs() {
        for (; !jobs.empty(); jobs.pop_front()) jobs.front()();
    }
    /// Runs `check` once the piece is written, as far as the disk takes it.
    void when_written(std::function<void()> check) {
        bool ran = false;
        piece->when_written([&] {
            check();
            ran = true;
        });
        run_jobs();
        EXPECT_TRUE(ran);
    }
    void once_while_writing(std::function<void()> call) {
        files->set_before([call, done = false](test::DiskCall kind, const std::string&) mutable {
            if (kind == test::DiskCall::write && !std::exchange(done, true)) call();
        });
    }
    std::size_t resident_bytes() {
        const std::span<std::byte> bytes = piece->bytes();
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        std::vector<unsigned char> pages(units_for(bytes.size(), page));
        EXPECT_EQ(mincore(bytes.data(), bytes.size(), pages.data()), 0);
        return page * static_cast<std::size_t>(
                          std::ranges::count_if(pages, [](unsigned char p) { return (p & 1) != 0; }));
    }
    Bytes on_file() {
        Bytes bytes(content.size());
        EXPECT_FALSE(file.read(kBegin, bytes));
        return bytes;
    }
};

TEST_F(SpillingPieceTest, BlocksInAnyOrderGoToTheFileAndTheirMemoryIsGivenBack) {
    std::vector<std::uint32_t> order(blocks);
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
    std::size_t most = 0;
    for (std::uint32_t block : order) {
        receive(block);
        most = std::max(most, resident_bytes());
        if (rng.below(8) == 0) run_jobs();
    }
    EXPECT_LE(most, 2 * MiB);
    when_written([&] {
        EXPECT_TRUE(piece->all_written());
        EXPECT_EQ(piece->digest().value(), sha1(content));
        EXPECT_EQ(piece->block_digests().value()[5],
                  sha1(ByteView(content).subspan(5 * kBlockSize, kBlockSize)));
    });
    EXPECT_EQ(on_file(), content);
    EXPECT_LE(resident_bytes(), static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
}

TEST_F(SpillingPieceTest, ABlockThatIsReceivedAgainReplacesTheFirst) {
    const Bytes right = content;
    content[2 * kBlockSize] ^= std::byte{1};
    for (std::uint32_t i = 0; i < blocks; ++i) receive(i);
    when_written([&] { EXPECT_EQ(piece->digest().value(), sha1(content)); });
    content = right;
    receive(2);
    when_written([&] { EXPECT_EQ(piece->digest().value(), sha1(right)); });
    EXPECT_EQ(on_file(), right);
}

TEST_F(SpillingPieceTest, ABlockThatIsReplacedWhileItIsWrittenIsHashedAndWrittenAnew) {
    const Bytes right = content;
    content[2 * kBlockSize + 5] ^= std::byte{1};
    for (std::uint32_t i = 0; i < blocks; ++i) receive(i);
    once_while_writing([&] {
        piece->block_discarded(2);
        content = right;
        receive(2);
    });
    when_written([&] {
        EXPECT_TRUE(piece->all_written());
        EXPECT_EQ(piece->digest().value(), sha1(right));
    });
    EXPECT_EQ(on_file(), right);
}

TEST_F(SpillingPieceTest, ABlockThatIsDiscardedWhileItIsWrittenIsWrittenWhenItComesAgain) {
    const Bytes right = content;
    content[70 * kBlockSize] ^= std::byte{1};
    for (std::uint32_t i = 0; i < blocks; ++i) receive(i);
    once_while_writing([&] { piece->block_discarded(70); });
    run_jobs();
    content = right;
    receive(70);
    when_written([&] { EXPECT_EQ(piece->digest().value(), sha1(right)); });
    EXPECT_EQ(on_file(), right);
}

TEST_F(SpillingPieceTest, ABlockThatIsReplacedBehindAGapIsTheNewOne) {
    const Bytes right = content;
    content[100 * kBlockSize] ^= std::byte{1};
    for (std::uint32_t i = 1; i < blocks; ++i) receive(i);  // nothing is hashed before block 0 comes
    once_while_writing([&] {
        piece->block_discarded(100);
        content = right;
        receive(100);
    });
    run_jobs();
    receive(0);
    when_written([&] { EXPECT_EQ(piece->digest().value(), sha1(right)); });
    EXPECT_EQ(on_file(), right);
}

TEST_F(SpillingPieceTest, ABlockThatIsReplacedWhileItIsReadBackForTheHashIsHashedAnew) {
    constexpr std::uint32_t kGap = 70;  // enough for a job of its own
    const Bytes right = content;
    content[100 * kBlockSize] ^= std::byte{1};
    for (std::uint32_t i = kGap; i < blocks; ++i) receive(i);
    run_jobs();
    for (std::uint32_t i = 0; i < kGap; ++i) receive(i);
    std::uint32_t read_back = 0;
    files->set_before([&](test::DiskCall call, const std::string&) {
        if (call != test::DiskCall::read || kGap + read_back++ != 100) return;
        piece->block_discarded(100);
        content = right;
        receive(100);
    });
    run_jobs();
    EXPECT_GT(read_back, 100u - kGap);
    when_written([&] {
        EXPECT_TRUE(piece->all_written());
        EXPECT_EQ(piece->digest().value(), sha1(right));
    });
    EXPECT_EQ(on_file(), right);
}

TEST_F(SpillingPieceTest, WhatWasDiscardedTakesNoRoom) {
    content = random_bytes(LargePieceSizes{}.spill_room + MiB);
    blocks = static_cast<std::uint32_t>(units_for(content.size(), kBlockSize));
    make_piece();
    const auto enough = static_cast<std::uint32_t>(LargePieceSizes{}.spill_room / kBlockSize);
    for (std::uint32_t i = 0; i < enough; ++i) receive(i);
    EXPECT_FALSE(piece->has_room());
    piece->block_discarded(3);
    EXPECT_TRUE(piece->has_room());
}

TEST_F(SpillingPieceTest, WhatAFullDiskDidNotTakeAndWhatItTookComeTogetherInMemory) {
    const test::FileSizeLimit full(kBegin + 3 * MiB);
    receive_all();
    when_written([&] {
        EXPECT_FALSE(piece->all_written());
        EXPECT_FALSE(piece->bring_back());
    });
    EXPECT_TRUE(std::ranges::equal(piece->bytes(), content));
}

TEST_F(SpillingPieceTest, ADiskThatWasFullForAWhileTakesAllInTheEnd) {
    {
        const test::FileSizeLimit full(kBegin + 3 * MiB);
        receive_all();
    }
    when_written([&] {
        EXPECT_TRUE(piece->all_written());
        EXPECT_EQ(piece->digest().value(), sha1(content));
    });
    EXPECT_EQ(on_file(), content);
}

TEST_F(SpillingPieceTest, WhatIsGivenUpIsNotWrittenAnyMoreOnceItIsIdle) {
    for (std::uint32_t i = 0; i < 64; ++i) receive(i);
    ASSERT_EQ(jobs.size(), 1u);
    EXPECT_FALSE(piece->give_up()) << "its job may be writing";
    EXPECT_EQ(credits, 0);
    run_jobs();
    EXPECT_EQ(credits, 1);
    EXPECT_TRUE(piece->give_up());
    EXPECT_FALSE(std::filesystem::exists(dir.path() / "data"));
}

TEST_F(SpillingPieceTest, ThereIsNoRoomWhileTheDiskIsBehind) {
    content = random_bytes(LargePieceSizes{}.spill_room + MiB);
    blocks = static_cast<std::uint32_t>(units_for(content.size(), kBlockSize));
    make_piece();
    const auto enough = static_cast<std::uint32_t>(LargePieceSizes{}.spill_room / kBlockSize);
    for (std::uint32_t i = 0; i < enough; ++i) {
        EXPECT_TRUE(piece->has_room());
        receive(i);
    }
    EXPECT_FALSE(piece->has_room());
    EXPECT_EQ(credits, 0);
    run_jobs();
    EXPECT_EQ(credits, 1);
    EXPECT_TRUE(piece->has_room());
}

TEST_F(SpillingPieceTest, ADiskThatFailsHasRoomInMemory) {
    const test::FileSizeLimit full(0);
    content = random_bytes(LargePieceSizes{}.spill_room + MiB);
    make_piece();
    for (std::uint32_t i = 0; i < LargePieceSizes{}.spill_room / kBlockSize; ++i) receive(i);
    EXPECT_FALSE(piece->has_room());
    run_jobs();
    EXPECT_EQ(credits, 1);
    EXPECT_TRUE(piece->has_room());
}

}  // namespace
}  // namespace btfs
