// Faults of each disk call, one after the other, in every way: no byte is wrong, every read is answered, and
// a temporary error loses nothing.
#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "tests/cache/support/cache_script.hpp"
#include "tests/cache/support/memory_disk.hpp"

namespace btfs::test {
namespace {

constexpr unsigned kPieces = 5, kHadBefore = 3;
constexpr BootId kBoot{std::byte{1}};

struct FaultTest : testing::TestWithParam<PieceKind> {
    const LargePieceSizes sizes = GetParam().sizes;
    const std::uint32_t piece_length = GetParam().piece_length;
    Torrent torrent = torrent_with_info();
    const Bytes info = Bytes(3000, std::byte{3});
    const Identity identity{.v1 = sha1(info), .v2 = {}};
    DiskPool pool{2};
    DiskImage before = prepared();
    std::size_t calls_failed = 0, runs = 0;

    Torrent torrent_with_info() const {
        Torrent made = make_torrent(piece_length, kPieces * std::uint64_t{piece_length} - 5000);
        give_info(made);
        return made;
    }
    /// Returns the disk image of a cache after a clean end, without the info dictionary.
    DiskImage prepared() {
        auto disk = std::make_shared<MemoryDisk>();
        CacheRun run(disk, kBoot, torrent, pool, sizes);
        EXPECT_FALSE(run.open());
        for (unsigned p = 0; p < kHadBefore; ++p) EXPECT_TRUE(run.fetch(PieceIndex(p)));
        EXPECT_FALSE(run.dir().keep_dht_table(as_bytes("old")));
        run.close();
        EXPECT_FALSE(disk->remove(torrent.spec.identity.cache_key() + ".info"));
        return disk->image();
    }

    struct Life {
        std::size_t calls = 0;
        std::size_t lost = 0, evicted = 0;
        bool opened = false;
    };
    /// Runs all that a cache does under the rule, and then again without it.
    Life live(FaultFiles::Rule rule, std::optional<std::uint64_t> bound = {}) {
        Life life;
        auto disk = std::make_shared<MemoryDisk>(before);
        auto faults = std::make_shared<FaultFiles>(disk);
        faults->set_rule(std::move(rule));
        {
            CacheRun run(faults, kBoot, torrent, pool, sizes, bound);
            life.opened = !run.open();
            if (life.opened) {
                for (unsigned p = 0; p < kPieces; ++p)
                    EXPECT_NE(run.read(torrent.spec.layout.piece_range(PieceIndex(p))),
                              CacheRun::Outcome::wrong);
                EXPECT_NE(run.upload(PieceIndex(1)), CacheRun::Outcome::wrong);
                EXPECT_NE(run.read({100, 2 * std::uint64_t{piece_length}}), CacheRun::Outcome::wrong);
            }
            [[maybe_unused]] const Error kept_info = run.dir().keep_info(identity, info);
            [[maybe_unused]] const Error kept_table = run.dir().keep_dht_table(as_bytes("new"));
            const auto table = run.dir().kept_dht_table();
            EXPECT_TRUE(!table || as_text(*table) == "old" || as_text(*table) == "new");
            const auto kept = run.dir().kept_info(identity);
            EXPECT_TRUE(!kept || *kept == info);
            const auto kept_of_torrent = run.dir().kept_info(torrent.spec.identity);
            EXPECT_TRUE(!kept_of_torrent || *kept_of_torrent == *torrent.spec.info);
            if (faults->failed() == 0) {
                EXPECT_TRUE(kept_of_torrent);
            }
            life.lost = run.lost();
            life.evicted = run.evicted();
        }
        life.calls = faults->calls();
        calls_failed += faults->failed();
        ++runs;

        const DiskImage left = disk->image();
        const Bytes* data = left.content(torrent.spec.identity.cache_key() + ".data");
        for (const auto& [name, file] : left.names)
            if (faults->failed() == 0) {
                EXPECT_FALSE(name.ends_with(".part")) << name;
            }
        CacheRun again(disk, kBoot, torrent, pool, sizes);
        EXPECT_FALSE(again.open());
        const Bitfield announced = again.store().available();
        for (PieceIndex p(0); p.value() < kPieces; p = p.next()) {
            if (announced.test(p)) {
                EXPECT_TRUE(is_on_file(data, torrent, p)) << p.value();
            }
            if (life.lost == 0 && life.evicted == 0 && p.value() < kHadBefore) {
                EXPECT_TRUE(announced.test(p) || again.store().unproven().test(p)) << p.value();
            }
        }
        EXPECT_EQ(again.read({0, torrent.content.size()}), CacheRun::Outcome::right);
        return life;
    }
};

INSTANTIATE_TEST_SUITE_P(OfTheCache, FaultTest, testing::Values(kWholePieces, kSpillingPieces),
                         [](const auto& kind) { return kind.param.name; });

const std::set<int> kThatMayPass{EMFILE, ENOMEM, EACCES};

TEST_P(FaultTest, EachCallFailsOnceOrFromThenOnWithEachError) {
    const Life whole = live({});
    ASSERT_TRUE(whole.opened);
    ASSERT_GT(whole.calls, 30u);
    for (const int error : {EIO, ENOSPC, EDQUOT, EROFS, EMFILE, ENOMEM, EACCES}) {
        for (const bool for_good : {false, true}) {
            for (std::size_t at = 0; at < whole.calls; ++at) {
                SCOPED_TRACE("error " + std::to_string(error) + (for_good ? " from call " : " of call ") +
                             std::to_string(at));
                const Life life = live([=](DiskCall, const std::string&, std::size_t nth) {
                    return nth == at || (for_good && nth > at) ? FaultFiles::Fault{error}
                                                               : FaultFiles::Fault{};
                });
                if (kThatMayPass.contains(error)) {
                    EXPECT_EQ(life.lost, 0u);
                }
                if (HasFailure()) return;
            }
        }
    }
    std::cout << "[          ] " << runs << " lives, " << calls_failed << " calls failed\n";
    RecordProperty("lives", static_cast<int>(runs));
    RecordProperty("calls_failed", static_cast<int>(calls_failed));
}

TEST_P(FaultTest, EachCallFailsWhileTheCacheEvicts) {
    const std::uint64_t bound = 3 * std::uint64_t{piece_length} + (100 << 10);
    const Life whole = live({}, bound);
    ASSERT_TRUE(whole.opened);
    ASSERT_GE(whole.evicted, 2u);
    for (const int error : {EIO, ENOSPC, EROFS}) {
        for (const bool for_good : {false, true}) {
            for (std::size_t at = 0; at < whole.calls; ++at) {
                SCOPED_TRACE("error " + std::to_string(error) + (for_good ? " from call " : " of call ") +
                             std::to_string(at));
                live(
                    [=](DiskCall, const std::string&, std::size_t nth) {
                        return nth == at || (for_good && nth > at) ? FaultFiles::Fault{error}
                                                                   : FaultFiles::Fault{};
                    },
                    bound);
                if (HasFailure()) return;
            }
        }
    }
    std::cout << "[          ] " << runs << " lives, " << calls_failed << " calls failed\n";
}

TEST_P(FaultTest, ShortWritesAreFinished) {
    const Life life = live([](DiskCall, const std::string&, std::size_t) {
        return FaultFiles::Fault{0, true};
    });
    EXPECT_TRUE(life.opened);
    EXPECT_EQ(life.lost, 0u);
}

TEST_P(FaultTest, EachCallOfOneKindFailsForGood) {
    for (std::size_t kind = 0; kind < kDiskCalls; ++kind) {
        for (const int error : {EIO, ENOSPC, EMFILE}) {
            SCOPED_TRACE(std::to_string(kind) + " " + std::to_string(error));
            live([=](DiskCall call, const std::string&, std::size_t) {
                return call == static_cast<DiskCall>(kind) ? FaultFiles::Fault{error} : FaultFiles::Fault{};
            });
        }
    }
}

}  // namespace
}  // namespace btfs::test
