#include "cache/records/torrent_files.hpp"

#include <gtest/gtest.h>

#include "cache/disk/whole_file.hpp"
#include "tests/cache/support/cache_script.hpp"
#include "tests/cache/support/memory_disk.hpp"

namespace btfs::test {
namespace {

TEST(TorrentFiles, OnlyCacheKeysAreIdentities) {
    const std::string v1(40, 'a'), v2(64, 'b');
    EXPECT_EQ(identity_of(v1)->cache_key(), v1);
    EXPECT_EQ(identity_of(v2)->cache_key(), v2);
    for (const std::string& other : {std::string(), std::string("holiday"), std::string(39, 'a'),
                                     std::string(41, 'a'), std::string(40, 'A'), std::string(40, 'g')})
        EXPECT_FALSE(identity_of(other)) << other;
}

struct RemovalTest : testing::Test {
    static constexpr BootId kBoot{std::byte{1}};
    Torrent torrent = with_info();
    DiskPool pool{2};
    DiskImage before = prepared();
    const std::string key = torrent.spec.identity.cache_key();

    static Torrent with_info() {
        Torrent made = make_torrent(2 * kBlockSize, 3 * 2 * kBlockSize);
        give_info(made);
        return made;
    }
    DiskImage prepared() {
        auto disk = std::make_shared<MemoryDisk>();
        CacheRun run(disk, kBoot, torrent, pool);
        EXPECT_FALSE(run.open());
        for (PieceIndex p(0); p.value() < 3; p = p.next()) EXPECT_TRUE(run.fetch(p));
        run.close();
        return disk->image();
    }
};

TEST_F(RemovalTest, LeavesNothing) {
    auto disk = std::make_shared<MemoryDisk>(before);
    ASSERT_EQ(disk->image().names.size(), 3u);
    EXPECT_FALSE(write_whole(*disk, torrent_file(key, kPeersEnding), as_bytes("peers"), 0600));
    EXPECT_FALSE(remove_torrent_files(*disk, key));
    EXPECT_TRUE(disk->image().names.empty());
    EXPECT_FALSE(remove_torrent_files(*disk, key)) << "it is gone already";
}

TEST_F(RemovalTest, ATorrentThatIsOpenStays) {
    auto disk = std::make_shared<MemoryDisk>(before);
    CacheRun run(disk, kBoot, torrent, pool);
    ASSERT_FALSE(run.open());
    EXPECT_EQ(remove_torrent_files(*disk, key), Errc::storage_locked);
    EXPECT_EQ(disk->image().names.size(), 3u);
    EXPECT_EQ(run.read({0, torrent.content.size()}), CacheRun::Outcome::right);
    EXPECT_EQ(run.lost(), 0u);
}

TEST_F(RemovalTest, AnErrorAtAnyCallLeavesNothingThatIsBelievedAndNotThere) {
    std::size_t calls = 0;
    {
        FaultFiles all(std::make_shared<MemoryDisk>(before));
        ASSERT_FALSE(remove_torrent_files(all, key));
        calls = all.calls();
    }
    for (std::size_t at = 0; at < calls; ++at) {
        SCOPED_TRACE(at);
        auto disk = std::make_shared<MemoryDisk>(before);
        FaultFiles faults(disk);
        faults.set_rule([=](DiskCall, const std::string&, std::size_t nth) {
            return nth == at ? FaultFiles::Fault{EIO} : FaultFiles::Fault{};
        });
        EXPECT_TRUE(remove_torrent_files(faults, key));
        const DiskImage left = disk->image();
        const Bytes* data = left.content(key + ".data");
        CacheRun run(disk, kBoot, torrent, pool);
        ASSERT_FALSE(run.open());
        const Bitfield announced = run.store().available();
        for (PieceIndex p(0); p.value() < 3; p = p.next())
            if (announced.test(p)) {
                EXPECT_TRUE(is_on_file(data, torrent, p));
            }
    }
}

TEST_F(RemovalTest, APowerLossAtAnyMomentLeavesNothingThatIsBelievedAndNotThere) {
    auto disk = std::make_shared<MemoryDisk>();
    {
        CacheRun run(disk, kBoot, torrent, pool);
        ASSERT_FALSE(run.open());
        for (PieceIndex p(0); p.value() < 3; p = p.next()) ASSERT_TRUE(run.fetch(p));
    }
    const std::size_t begin = disk->changes().size();
    ASSERT_FALSE(remove_torrent_files(*disk, key));
    CrashModel model;
    Rng rng(7);
    const std::vector<DiskChange> changes = disk->changes();
    ASSERT_GT(changes.size(), begin + 3);
    for (std::size_t cut = 0; cut < changes.size(); ++cut) {
        model.apply(changes[cut]);
        if (cut + 1 < begin) continue;
        for (const auto luck : {CrashModel::Luck::nothing_unsynced, CrashModel::Luck::everything,
                                CrashModel::Luck::names_alone, CrashModel::Luck::data_alone}) {
            DiskImage image = model.after_power_loss(luck, rng);
            const Bytes* found = image.content(key + ".data");
            const Bytes data = found ? *found : Bytes();
            CacheRun run(std::make_shared<MemoryDisk>(std::move(image)), BootId{std::byte{9}}, torrent, pool);
            ASSERT_FALSE(run.open());
            const Bitfield announced = run.store().available();
            for (PieceIndex p(0); p.value() < 3; p = p.next())
                if (announced.test(p)) {
                    EXPECT_TRUE(is_on_file(&data, torrent, p)) << "cut " << cut;
                }
        }
    }
}

}  // namespace
}  // namespace btfs::test
