#include "cli/service/metrics_text.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace btfs::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

MountReport some_report() {
    TorrentStatus status;
    status.content = {100, 40};
    status.connections.resize(3);
    status.connections[0].utp = true;
    status.connections[1].web_seed = true;
    MountReport report;
    report.torrents = {{.entry = {.name = "a\"b", .slot = Slot{1}}, .status = status},
                       {.entry = {.name = "c"}, .status = {}},
                       {.entry = {.name = "d", .problem = "gone"}, .status = {}}};
    report.readers = {{.path = "x", .waiting = 2, .waited = 1500ms}, {.path = "y"}};
    report.totals = {.received = {.tcp = 7'000'000'000, .utp = 2, .web_seeds = 3}, .wasted = 6, .sent = 5};
    report.age = 90s;
    report.scans = 8;
    report.read_times.cache.bytes = 11;
    report.read_times.swarm.bytes = 12;
    report.read_times.stalls = 13;
    return report;
}

TEST(MetricsText, CountsWhatTheMountDoes) {
    const std::string text = metrics_text(some_report());
    for (const char* line : {"btfs_uptime_seconds 90\n",
                             "btfs_torrents{state=\"ready\"} 1\n",
                             "btfs_torrents{state=\"waiting\"} 1\n",
                             "btfs_torrents{state=\"failed\"} 1\n",
                             "btfs_content_bytes 100\n",
                             "btfs_content_had_bytes 60\n",
                             "btfs_peers{transport=\"tcp\"} 1\n",
                             "btfs_peers{transport=\"utp\"} 1\n",
                             "btfs_peers{transport=\"web_seed\"} 1\n",
                             "btfs_received_bytes_total{source=\"tcp\"} 7000000000\n",
                             "btfs_received_bytes_total{source=\"utp\"} 2\n",
                             "btfs_received_bytes_total{source=\"web_seed\"} 3\n",
                             "btfs_read_bytes_total{source=\"cache\"} 11\n",
                             "btfs_read_bytes_total{source=\"swarm\"} 12\n",
                             "btfs_stalls_total 13\n",
                             "btfs_wasted_bytes_total 6\n",
                             "btfs_sent_bytes_total 5\n",
                             "btfs_open_files 2\n",
                             "btfs_scans_total 8\n",
                             "btfs_waiting_reads 2\n",
                             "btfs_longest_wait_seconds 1.5\n"})
        EXPECT_THAT(text, HasSubstr(line));
    EXPECT_THAT(text, Not(HasSubstr("btfs_cache"))) << "there is no bound";
    MountReport bounded = some_report();
    bounded.cache_used = 3;
    bounded.cache_limit = 4;
    EXPECT_THAT(metrics_text(bounded), HasSubstr("btfs_cache_bytes 3\n"));
    EXPECT_THAT(metrics_text(bounded), HasSubstr("btfs_cache_limit_bytes 4\n"));
}

TEST(MetricsText, APausedTorrentIsNotReady) {
    MountReport report = some_report();
    for (TorrentReport& torrent : report.torrents) torrent.entry.paused = true;
    const std::string text = metrics_text(report);
    for (const char* line : {"btfs_torrents{state=\"ready\"} 0\n", "btfs_torrents{state=\"paused\"} 2\n",
                             "btfs_torrents{state=\"waiting\"} 0\n", "btfs_torrents{state=\"failed\"} 1\n"})
        EXPECT_THAT(text, HasSubstr(line));
}

TEST(MetricsText, EachMetricIsDescribedOnceBeforeItsValues) {
    std::istringstream lines(metrics_text(some_report()));
    std::set<std::string> described;
    std::string current;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string first, kind, name;
        words >> first;
        if (first == "#") {
            words >> kind >> name;
            if (kind == "HELP") {
                EXPECT_TRUE(described.insert(name).second) << name;
            }
            current = name;
        } else {
            const std::string value = first.substr(0, first.find('{'));
            const std::vector<std::string> of_histogram{current + "_bucket", current + "_sum",
                                                        current + "_count"};
            EXPECT_TRUE(value == current || std::ranges::find(of_histogram, value) != of_histogram.end())
                << value;
        }
    }
    EXPECT_GE(described.size(), 10u);
}

}  // namespace
}  // namespace btfs::cli
