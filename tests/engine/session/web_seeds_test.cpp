#include "engine/session/web_seeds.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

constexpr TimePoint kBegin = TimePoint{} + 1h;

struct WebSeedsTest : ::testing::Test {
    Layout layout{16384, {{0, 100'000, false}}};

    WebSeeds seeds_of(std::size_t count) {
        std::vector<std::string> urls;
        for (std::size_t i = 0; i < count; ++i) urls.push_back("http://h" + std::to_string(i) + "/");
        WebSeeds seeds(urls);
        const std::string_view info = "d6:lengthi100000e4:name1:ae";
        const ByteView raw = as_bytes(info);
        seeds.know_content(layout, std::make_shared<const Bytes>(raw.begin(), raw.end()), std::nullopt);
        return seeds;
    }
};

TEST_F(WebSeedsTest, OnlyUrlsOfHttpCountAndEachOnce) {
    EXPECT_TRUE(WebSeeds({"ftp://h/", "file", ""}).empty());
    WebSeeds seeds = seeds_of(0);
    EXPECT_EQ(seeds.poll_connect(true, kBegin), std::nullopt);
    WebSeeds twice({"http://h/", "http://h/"});
    EXPECT_EQ(twice.name(0), "web seed http://h/");
}

TEST_F(WebSeedsTest, UrlsAreBounded) {
    WebSeeds seeds = seeds_of(WebSeeds::kMaxUrls + 5);
    for (std::size_t i = 0; i < WebSeeds::kMaxUrls; ++i) {
        const auto number = seeds.poll_connect(true, kBegin);
        ASSERT_EQ(number, i);
        seeds.memory(*number).give_up();
    }
    EXPECT_EQ(seeds.poll_connect(true, kBegin), std::nullopt);
}

TEST_F(WebSeedsTest, NothingIsConnectedWithoutNeed) {
    WebSeeds seeds = seeds_of(1);
    EXPECT_EQ(seeds.poll_connect(false, kBegin), std::nullopt);
    EXPECT_EQ(seeds.poll_connect(true, kBegin), 0u);
}

TEST_F(WebSeedsTest, ASeedThatCannotBeConnectedIsTriedAgainLater) {
    WebSeeds seeds = seeds_of(1);
    EXPECT_EQ(seeds.poll_connect(true, kBegin), 0u);
    seeds.postpone(0, kBegin);
    EXPECT_EQ(seeds.poll_connect(true, kBegin), std::nullopt);
    EXPECT_EQ(seeds.next_timeout(), kBegin + WebSeeds::kFirstRetry);
    EXPECT_EQ(seeds.poll_connect(true, kBegin + WebSeeds::kFirstRetry), 0u);
}

TEST_F(WebSeedsTest, UrlsLeadToTheFile) {
    WebSeeds seeds = seeds_of(1);
    EXPECT_EQ(std::get<webseed::FileUrls>(seeds.urls(0)).url(FileIndex(0)), "http://h0/a");
}

TEST_F(WebSeedsTest, HttpSeedsServeTorrentsThatHaveAV1HashAndNoPadFiles) {
    const std::string_view info = "d6:lengthi100000e4:name1:ae";
    const auto raw = std::make_shared<const Bytes>(as_bytes(info).begin(), as_bytes(info).end());
    const auto content = [&](const Layout& of, std::optional<Sha1Digest> v1) {
        WebSeeds seeds({"http://files/"}, {"http://pieces/", "ftp://no/"});
        seeds.know_content(of, raw, v1);
        std::size_t count = 0;
        while (const auto number = seeds.poll_connect(true, kBegin)) {
            const bool by_pieces = std::holds_alternative<webseed::PieceUrls>(seeds.urls(*number));
            EXPECT_EQ(by_pieces, seeds.name(*number) == "HTTP seed http://pieces/");
            EXPECT_EQ(seeds.layout(*number).total_size(), of.total_size());
            seeds.postpone(*number, kBegin);
            ++count;
        }
        return count;
    };
    const Layout padded{16384, {{0, 10'000, false}, {10'000, 6384, true}, {16384, 100, false}}};
    EXPECT_EQ(content(layout, sha1(as_bytes("any"))), 2u);
    EXPECT_EQ(content(layout, std::nullopt), 1u);
    EXPECT_EQ(content(padded, sha1(as_bytes("any"))), 1u);
}

}  // namespace
}  // namespace btfs
