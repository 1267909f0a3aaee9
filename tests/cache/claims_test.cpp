#include "cache/records/claims.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "cache/disk/linux_files.hpp"
#include "engine/core/rng.hpp"
#include "tests/cache/support/store_world.hpp"

namespace btfs {
namespace {

constexpr BootId kBoot{std::byte{1}}, kLaterBoot{std::byte{2}};

struct ClaimsTest : testing::Test {
    ClaimsShape shape{100, 16384, 100, sha1(as_bytes("content"))};
    test::TempDir dir;
    std::unique_ptr<LinuxFiles> files = LinuxFiles::open_folder(dir.path()).value();
    BlockBitmap stored{100}, doubtful{100};
    EarlierClaims earlier;

    std::filesystem::path path() const { return dir.path() / "x.claims"; }
    std::unique_ptr<Claims> open(const BootId& boot) {
        earlier = {};
        auto claims = Claims::open(*files, "x.claims", shape, boot, earlier);
        EXPECT_TRUE(claims);
        return claims ? std::move(*claims) : nullptr;
    }
    static bool bit(const Bytes& bytes, std::size_t i) {
        return i / 8 < bytes.size() && (std::to_integer<unsigned>(bytes[i / 8]) >> i % 8 & 1) != 0;
    }
    Bytes file() const {
        std::ifstream in(path(), std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        return {as_bytes(text).begin(), as_bytes(text).end()};
    }
    void write_file(ByteView bytes) const {
        std::ofstream out(path(), std::ios::binary | std::ios::trunc);
        out << as_text(bytes);
    }
};

TEST_F(ClaimsTest, WhatWasSavedIsThereAfterAKill) {
    {
        auto claims = open(kBoot);
        EXPECT_TRUE(earlier.stored.empty());
        stored.assign(41, 1, true);
        EXPECT_FALSE(claims->save(41, 1, stored, doubtful));
        stored.assign(99, 1, true);
        EXPECT_FALSE(claims->save(99, 1, stored, doubtful));
        EXPECT_FALSE(claims->clean());
    }
    auto claims = open(kBoot);
    for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(bit(earlier.stored, i), i == 41 || i == 99) << i;
    for (std::size_t i = 0; i < 100; ++i) EXPECT_FALSE(bit(earlier.doubtful, i)) << i;
}

TEST_F(ClaimsTest, AnotherBootMakesUnsyncedClaimsDoubtful) {
    stored.assign(5, 2, true);
    EXPECT_FALSE(open(kBoot)->save(5, 2, stored, doubtful));
    {
        auto claims = open(kLaterBoot);
        EXPECT_TRUE(bit(earlier.doubtful, 5));
        // One block is proven. A kill in this boot must not make the other one trusted.
        doubtful.assign(5, 2, true);
        doubtful.assign(5, 1, false);
        EXPECT_FALSE(claims->save(5, 1, stored, doubtful));
    }
    auto claims = open(kLaterBoot);
    EXPECT_TRUE(bit(earlier.stored, 5) && bit(earlier.stored, 6));
    EXPECT_FALSE(bit(earlier.doubtful, 5));
    EXPECT_TRUE(bit(earlier.doubtful, 6));
}

TEST_F(ClaimsTest, ACleanEndIsTrustedInAnotherBoot) {
    stored.assign(5, 2, true);
    {
        auto claims = open(kBoot);
        EXPECT_FALSE(claims->save(5, 2, stored, doubtful));
        EXPECT_FALSE(claims->mark_clean(stored, doubtful));
        EXPECT_TRUE(claims->clean());
    }
    auto claims = open(kLaterBoot);
    EXPECT_TRUE(bit(earlier.stored, 5));
    EXPECT_FALSE(bit(earlier.doubtful, 5));
}

TEST_F(ClaimsTest, TheCleanMarkGoesWithTheFirstChange) {
    {
        auto claims = open(kBoot);
        stored.assign(5, 1, true);
        EXPECT_FALSE(claims->save(5, 1, stored, doubtful));
        EXPECT_FALSE(claims->mark_clean(stored, doubtful));
    }
    stored.assign(6, 1, true);
    EXPECT_FALSE(open(kBoot)->save(6, 1, stored, doubtful));
    auto claims = open(kLaterBoot);
    EXPECT_TRUE(bit(earlier.doubtful, 6));
}

TEST_F(ClaimsTest, AnUnknownBootIsNeverTheSame) {
    stored.assign(5, 1, true);
    EXPECT_FALSE(open(BootId{})->save(5, 1, stored, doubtful));
    auto claims = open(BootId{});
    EXPECT_TRUE(bit(earlier.doubtful, 5));
}

TEST_F(ClaimsTest, ASecondOwnerIsRefused) {
    auto claims = open(kBoot);
    EarlierClaims ignored;
    auto second = Claims::open(*files, "x.claims", shape, kBoot, ignored);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), Errc::storage_locked);
}

TEST_F(ClaimsTest, AForeignOrCutSidecarClaimsNothing) {
    stored.assign(0, 100, true);
    EXPECT_FALSE(open(kBoot)->save(0, 100, stored, doubtful));
    const Bytes good = file();
    ASSERT_TRUE(parse_claims(good, shape));

    ClaimsShape other = shape;
    other.fingerprint = sha1(as_bytes("other content"));
    EXPECT_FALSE(parse_claims(good, other));
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(parse_claims(ByteView(good).first(size), shape));
    for (std::size_t i = 0; i < 128 * 8; ++i) {
        Bytes bad = good;
        bad[i / 8] ^= static_cast<std::byte>(1 << i % 8);
        EXPECT_FALSE(parse_claims(bad, shape)) << "bit " << i << " of the header";
    }
}

TEST_F(ClaimsTest, TheHeaderTellsTheShapeOfAnyTorrent) {
    stored.assign(0, 100, true);
    EXPECT_FALSE(open(kBoot)->save(0, 100, stored, doubtful));
    const Bytes good = file();
    const auto header = parse_claims_header(ByteView(good).first(kClaimsHeaderSize));
    ASSERT_TRUE(header);
    EXPECT_EQ(header->shape, shape);
    EXPECT_EQ(header->shape.file_size(), good.size());
    EXPECT_EQ(header->boot_id, kBoot);
    EXPECT_FALSE(header->clean);
    EXPECT_FALSE(parse_claims_header(ByteView(good).first(kClaimsHeaderSize - 1)));
    for (std::size_t i = 0; i < kClaimsHeaderSize * 8; ++i) {
        Bytes bad = good;
        bad[i / 8] ^= static_cast<std::byte>(1 << i % 8);
        EXPECT_FALSE(parse_claims_header(bad)) << "bit " << i;
    }
}

TEST_F(ClaimsTest, ASidecarOfANewerVersionClaimsNothingAndIsReplaced) {
    stored.assign(0, 100, true);
    EXPECT_FALSE(open(kBoot)->save(0, 100, stored, doubtful));
    Bytes newer = file();
    newer[11] = std::byte{2};  // the version, in a header that is right otherwise
    const Sha1Digest digest = sha1(ByteView(newer).first(108));
    std::ranges::copy(digest.bytes, newer.begin() + 108);
    write_file(newer);
    EXPECT_FALSE(parse_claims_header(newer));
    auto claims = open(kBoot);
    EXPECT_TRUE(earlier.stored.empty());
    EXPECT_EQ(file(), newer) << "as long as nothing is stored, another version of btfs may still want it";
    stored.assign(0, 100, false);
    stored.assign(3, 1, true);
    EXPECT_FALSE(claims->save(3, 1, stored, doubtful));
    claims.reset();
    claims = open(kBoot);
    for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(bit(earlier.stored, i), i == 3) << i;
}

TEST_F(ClaimsTest, AllThatIsClaimedIsDoubtedOnFile) {
    for (const bool clean : {false, true}) {
        SCOPED_TRACE(clean);
        stored.assign(41, 3, true);
        {
            auto claims = open(kBoot);
            EXPECT_FALSE(claims->save(41, 3, stored, doubtful));
            if (clean) {
                EXPECT_FALSE(claims->mark_clean(stored, doubtful));
            }
            claims->set_last_use(1'000'000'000);
        }
        EXPECT_FALSE(Claims::doubt_all(*files, "x.claims", kBoot));
        auto claims = open(kBoot);
        EXPECT_EQ(claims->last_use(), 1'000'000'000) << "it was not used";
        for (std::size_t i = 0; i < 100; ++i) {
            EXPECT_EQ(bit(earlier.stored, i), i >= 41 && i < 44) << i;
            EXPECT_EQ(bit(earlier.doubtful, i), i >= 41 && i < 44) << i;
        }
        EXPECT_EQ(Claims::doubt_all(*files, "x.claims", kBoot), Errc::storage_locked);
        claims.reset();
        std::filesystem::remove(path());
    }
}

TEST_F(ClaimsTest, WhatClaimsNothingIsNotDoubted) {
    EXPECT_EQ(Claims::doubt_all(*files, "x.claims", kBoot).value(), ENOENT);
    for (const std::size_t size : {0, 127, 128, 5000}) {
        const Bytes noise(size, std::byte{7});
        write_file(noise);
        EXPECT_FALSE(Claims::doubt_all(*files, "x.claims", kBoot));
        EXPECT_EQ(file(), noise);
    }
}

TEST_F(ClaimsTest, OthersSeeThatItIsOpenAndDisturbNobody) {
    const auto look = [this] { return files->open("x.claims", {}).value()->is_locked(); };
    auto claims = open(kBoot);
    EXPECT_TRUE(look());
    claims.reset();
    auto looking = files->open("x.claims", {}).value();
    EXPECT_FALSE(looking->is_locked());
    claims = open(kBoot);
    ASSERT_TRUE(claims) << "a look takes no lock";
    EXPECT_TRUE(looking->is_locked());
    EXPECT_TRUE(look());
}

TEST_F(ClaimsTest, ATorrentOfTooManyBlocksHasNoClaims) {
    ClaimsShape vast = shape;
    vast.block_count = (std::uint64_t{1} << 32) + 1;
    EXPECT_FALSE(parse_claims(Bytes(128), vast));
    vast.block_count = ~std::uint64_t{0};  // sizes computed from it must not overflow
    EXPECT_FALSE(parse_claims(Bytes(128), vast));
}

TEST_F(ClaimsTest, RandomBytesClaimNothingAndAreReplaced) {
    Rng rng(11);
    for (const std::size_t size : {0, 1, 127, 128, 154, 4096, 100'000}) {
        SCOPED_TRACE(size);
        Bytes noise(size);
        rng.fill(noise);
        write_file(noise);
        auto claims = open(kBoot);
        EXPECT_TRUE(earlier.stored.empty());
        stored.assign(0, 100, false);
        stored.assign(7, 1, true);
        EXPECT_FALSE(claims->save(7, 1, stored, doubtful));
        claims.reset();
        claims = open(kBoot);
        for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(bit(earlier.stored, i), i == 7) << i;
        claims.reset();
    }
}

}  // namespace
}  // namespace btfs
