#include "cli/view/mount_state.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace btfs::cli {
namespace {

TEST(MountState, TakesWhatAMountTells) {
    const MountState mount = mount_state(boost::json::parse(R"({
        "version": "1", "age": 2.5, "port": null, "proxy": null, "peers": 3, "down": 4, "up": 5, "received": 6,
        "sent": 7, "cache": {"used": 8, "limit": 9},
        "readers": [{"path": "p", "size": 10, "pid": 11, "process": "mpv", "position": 12, "window_end": 13,
                     "rate": null, "scan": true, "waiting": 1, "waited": 1.5, "why": "no peers"}],
        "torrents": [{"name": "n", "info_hash": "aa", "state": "ready", "size": null, "had": 0, "peers": 1,
                      "seeds": 1, "down": 2, "up": 3, "error": null}]})")
                                             .as_object());
    EXPECT_EQ(mount.age, 2.5);
    EXPECT_EQ(mount.port, 0u);
    ASSERT_TRUE(mount.cache);
    EXPECT_EQ(mount.cache->limit, 9u);
    ASSERT_EQ(mount.readers.size(), 1u);
    EXPECT_EQ(mount.readers[0].why, "no peers");
    EXPECT_EQ(mount.readers[0].waited, 1.5);
    EXPECT_TRUE(mount.readers[0].scan);
    ASSERT_EQ(mount.torrents.size(), 1u);
    EXPECT_EQ(mount.torrents[0].size, 0u);
}

TEST(MountState, WhatIsSomethingElseIsLeftEmpty) {
    for (const char* text : {"{}", R"({"torrents": 5, "readers": {}, "cache": [], "peers": "x", "age": "y"})",
                             R"({"torrents": [1, null, "a"], "readers": [[]], "down": -1, "up": 1e300})"}) {
        const MountState mount = mount_state(boost::json::parse(text).as_object());
        EXPECT_TRUE(mount.torrents.empty() && mount.readers.empty() && !mount.cache) << text;
    }
    const DetailsState details = details_state(
        boost::json::parse(R"({"pieces": 1, "connections": [{"flags": 7}], "files": [{"had": "x"}]})")
            .as_object());
    EXPECT_TRUE(details.map.empty());
    EXPECT_EQ(details.peers.size(), 1u);
    EXPECT_FALSE(details.files.at(0).had);
}

}  // namespace
}  // namespace btfs::cli
