#include "cli/rpc/tracker_change.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "cli/rpc/rpc_message.hpp"

namespace btfs::cli {
namespace {

using boost::json::array;
using boost::json::object;

const std::string one = "udp://127.0.0.1:1/a", two = "http://127.0.0.1:2/b";

TrackerList changed(const object& arguments, const TrackerList& trackers) {
    return TrackerChange(RpcArguments(arguments)).applied_to(trackers);
}

TEST(TrackerChange, AListReplacesAllAndNamesEachOnce) {
    EXPECT_EQ(changed({{"tracker_list", one + "\n" + one + "\r\n\n" + one + "\n\n" + two}}, {}),
              (TrackerList{{one}, {two}}));
    EXPECT_EQ(changed({{"tracker_list", "\n \n"}}, {{one}}), TrackerList{});
    EXPECT_TRUE(TrackerChange(RpcArguments(object{})).is_empty());
    EXPECT_FALSE(TrackerChange(RpcArguments(object{{"tracker_list", ""}})).is_empty());
}

TEST(TrackerChange, AMillionUrlsAreRefusedAtOnce) {
    constexpr int kMany = 1'000'000;
    std::string lines;
    array urls, pairs, ids;
    for (int i = 0; i < kMany; ++i) {
        const std::string url = "udp://h:1/" + std::to_string(i);
        lines += url + '\n';
        urls.emplace_back(url);
        ids.emplace_back(0);
        if (i % 2 == 0) {
            pairs.emplace_back(0);
            pairs.emplace_back(url);
        }
    }
    // Comparing each with all others takes hours.
    for (const object& arguments : {object{{"tracker_list", lines}}, object{{"tracker_add", urls}},
                                    object{{"tracker_replace", pairs}}, object{{"tracker_remove", ids}}})
        EXPECT_THROW(TrackerChange{RpcArguments(arguments)}, RpcError);
}

TEST(TrackerChange, ATorrentHasAHundredTrackersAtMost) {
    TrackerList trackers;
    for (int i = 0; i < 100; ++i) trackers.push_back({"udp://h:1/" + std::to_string(i)});
    EXPECT_THROW(changed({{"tracker_add", array{one}}}, trackers), RpcError);
    EXPECT_EQ(changed({{"tracker_remove", array{0}}, {"tracker_add", array{one}}}, trackers).size(), 100U);
}

}  // namespace
}  // namespace btfs::cli
