#include "cli/view/panes.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace btfs::cli {
namespace {

TEST(Panes, NoPaneOverlapsAnotherOnAnyScreen) {
    for (int height = 1; height <= 120; ++height)
        for (const std::size_t readers : {0u, 1u, 5u, 500u})
            for (const std::size_t torrents : {0u, 1u, 10u, 10'000u}) {
                const Panes panes = plan_panes(80, height, readers, torrents);
                SCOPED_TRACE(testing::Message() << height << ' ' << readers << ' ' << torrents);
                ASSERT_GE(std::min({panes.summary_lines, panes.readers_rows, panes.torrents_rows,
                                    panes.map_lines, panes.details_lines, panes.details_rows}),
                          0);
                ASSERT_LE(panes.summary_lines, panes.readers_at);
                const bool has_readers = panes.readers_at != panes.torrents_at;
                ASSERT_EQ(panes.torrents_at, panes.readers_at + (has_readers ? 1 + panes.readers_rows : 0));
                const int torrents_end = panes.torrents_at + 1 + panes.torrents_rows;
                ASSERT_EQ(panes.keys_at, height - 1);
                if (height < 3) continue;
                if (!panes.has_details()) {
                    ASSERT_EQ(torrents_end, panes.keys_at);
                    continue;
                }
                ASSERT_EQ(torrents_end, panes.details_at);
                ASSERT_EQ(panes.details_at + panes.details_lines, panes.keys_at);
                ASSERT_EQ(panes.details_lines, 3 + panes.map_lines * panes.map_step() + panes.details_rows);
                ASSERT_GE(panes.details_rows, 1);
            }
}

TEST(Panes, AnOrdinaryTerminalHasAllOfThem) {
    const Panes panes = plan_panes(80, 24, 2, 100);
    EXPECT_EQ(panes.readers_rows, 2);
    EXPECT_GE(panes.torrents_rows, 5);
    EXPECT_GE(panes.details_rows, 3);
}

TEST(Panes, FewTorrentsLeaveTheirRoomToTheDetails) {
    EXPECT_GT(plan_panes(80, 50, 0, 1).details_rows, plan_panes(80, 50, 0, 100).details_rows + 10);
}

}  // namespace
}  // namespace btfs::cli
