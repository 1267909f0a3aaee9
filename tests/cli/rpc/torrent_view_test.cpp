#include "cli/rpc/torrent_view.hpp"

#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

TEST(TorrentView, ItsStatusIsThatOfTheCheckWhileThereIsOne) {
    const RpcMount mount;
    TorrentReport report{.entry = {.name = "film.mkv", .handle = TorrentHandle{1}, .slot = 1}, .status = {}};
    const auto status = [&] { return TorrentView{.report = report, .mount = mount}.status(); };
    const auto progress = std::make_shared<RecheckProgress>();
    report.entry.recheck = progress;
    EXPECT_EQ(status(), RpcStatus::seeding);
    progress->ask(Bitfield(4, true));
    EXPECT_EQ(status(), RpcStatus::check_waiting);
    progress->begin_walk();
    EXPECT_EQ(status(), RpcStatus::checking);
    EXPECT_EQ(static_cast<int>(status()), 2) << "Transmission's number";
    report.entry.paused = true;
    EXPECT_EQ(status(), RpcStatus::checking);
    progress->end_walk();
    EXPECT_EQ(status(), RpcStatus::stopped);
}

TEST(TorrentView, ATorrentIsDownloadedWhileItIsChecked) {
    const RpcMount mount;
    TorrentReport report{.entry = {.name = "film.mkv", .handle = TorrentHandle{1}, .slot = 1}, .status = {}};
    report.entry.bytes_pinned = 100;
    report.entry.all_pinned = true;
    report.status.emplace();
    report.status->content = {100, 40};
    const auto progress = std::make_shared<RecheckProgress>();
    progress->ask(Bitfield(4, true));
    report.entry.recheck = progress;
    const TorrentView view{.report = report, .mount = mount};
    EXPECT_TRUE(view.is_downloading());
    EXPECT_EQ(view.left_until_done(), 40u);
}

}  // namespace
}  // namespace btfs::cli
