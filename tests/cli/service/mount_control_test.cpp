#include "cli/service/mount_control.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "cli/process/failure.hpp"
#include "cli/text/base64.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

using Json = boost::json::object;
using testing::HasSubstr;

struct MountControlTest : ::testing::Test {
    TemporaryFolder folder;
    CacheDir cache_dir{std::move(*CacheDir::open(folder.path / "cache"))};
    DiskPool pool{1};
    PieceMemory memory;
    Engine engine{{}};
    const DataFolders no_data;
    ServedTorrents torrents{{engine, cache_dir, pool, memory, no_data, {}}};
    MountControl control{torrents};

    MountControlTest() {
        torrents.add({});
        engine.start();
        torrents.start();
    }

    std::string refusal(const std::string& request) {
        try {
            control.handle(boost::json::parse(request).as_object());
        } catch (const Failure& failure) {
            return failure.what();
        }
        return "none";
    }
    static std::string torrent_file() {
        return "d4:infod6:lengthi5e4:name4:film12:piece lengthi16384e6:pieces20:" + std::string(20, 'x') +
               "ee";
    }
};

TEST_F(MountControlTest, ATorrentIsAddedListedAndRemoved) {
    const Json added = control.handle(
        {{"command", "add"}, {"file", to_base64(as_bytes(torrent_file()))}, {"label", "films"}});
    EXPECT_EQ(added.at("name"), "film");
    EXPECT_EQ(added.at("was_there"), false);
    EXPECT_EQ(added.at("id"), 1);
    EXPECT_EQ(added.at("info_hash").as_string().size(), 40u);
    EXPECT_EQ(added.at("warning"), "later mounts will not have it") << "this one has no folder to keep it in";
    const Json listed = control.handle({{"command", "list"}});
    ASSERT_EQ(listed.at("torrents").as_array().size(), 1u);
    const Json& torrent = listed.at("torrents").as_array()[0].as_object();
    EXPECT_EQ(torrent.at("name"), "film");
    EXPECT_EQ(torrent.at("label"), "films");
    EXPECT_EQ(torrent.at("state"), "ready");
    EXPECT_EQ(torrent.at("info_hash"), added.at("info_hash"));
    EXPECT_TRUE(torrent.at("url").is_null());
    const Json removed = control.handle({{"command", "remove"}, {"torrent", "film"}});
    EXPECT_EQ(removed.at("name"), "film");
    EXPECT_TRUE(control.handle({{"command", "list"}}).at("torrents").as_array().empty());
}

TEST_F(MountControlTest, ALinkIsAddedAsItIs) {
    const std::string hash(40, 'a');
    const Json added = control.handle(
        {{"command", "add"}, {"link", "magnet:?xt=urn:btih:" + hash + "&dn=n\xc3\xa4me"}, {"pin", true}});
    EXPECT_EQ(added.at("name"), "n\xc3\xa4me");
    EXPECT_EQ(added.at("info_hash").as_string(), hash);
}

TEST_F(MountControlTest, TorrentsOfUrlsThatDifferInTheirQueriesAreToldApart) {
    const std::string base = "http://127.0.0.1:1/dl";
    for (const char* query : {"?id=1", "?id=2", "?id=3"})
        control.handle({{"command", "add"}, {"link", base + query}});
    EXPECT_THAT(refusal(R"({"command": "remove", "torrent": "http://127.0.0.1:1/dl"})"),
                HasSubstr("give an info-hash, or id:1, id:2 and so on"));
    EXPECT_THAT(refusal(R"({"command": "remove", "torrent": "http://127.0.0.1:1/dl?id=7"})"),
                HasSubstr("http://127.0.0.1:1/dl: no torrent of that name"));
    control.handle({{"command", "remove"}, {"torrent", base + "?id=2"}});
    control.handle({{"command", "pause"}, {"torrent", "id:3"}});
    const auto listed = control.handle({{"command", "list"}}).at("torrents").as_array();
    ASSERT_EQ(listed.size(), 2u);
    EXPECT_EQ(listed[0].at("id"), 1);
    EXPECT_EQ(listed[1].at("id"), 3);
    EXPECT_EQ(listed[0].at("paused"), false);
    EXPECT_EQ(listed[1].at("paused"), true);
    control.handle({{"command", "remove"}, {"torrent", "id:1"}});
    control.handle({{"command", "remove"}, {"torrent", base}});
    EXPECT_THAT(refusal(R"({"command": "remove", "torrent": "id:3"})"), HasSubstr("no torrent"));
}

TEST_F(MountControlTest, FilesArePinnedUnpinnedAndPrefetched) {
    control.handle({{"command", "add"}, {"file", to_base64(as_bytes(torrent_file()))}});
    for (const char* command : {"pin", "prefetch", "unpin"}) {
        const Json answer = control.handle({{"command", command}, {"path", "film"}});
        EXPECT_EQ(answer.at("files"), 1) << command;
        EXPECT_EQ(answer.at("bytes"), 5) << command;
    }
}

TEST_F(MountControlTest, AllTorrentsArePausedOnlyIfAllAreMeant) {
    control.handle({{"command", "add"}, {"file", to_base64(as_bytes(torrent_file()))}});
    const auto is_paused = [&] { return torrents.reports().at(0).entry.paused; };
    EXPECT_THAT(refusal(R"({"command": "pause", "torrent": ""})"), HasSubstr("no torrent of that name"));
    EXPECT_THAT(refusal(R"({"command": "pause"})"), HasSubstr("no torrent in the request"));
    EXPECT_THAT(refusal(R"({"command": "pause", "all": false})"), HasSubstr("no torrent in the request"));
    EXPECT_FALSE(is_paused());
    EXPECT_EQ(control.handle({{"command", "pause"}, {"all", true}}).at("changed"), 1);
    EXPECT_TRUE(is_paused());
    EXPECT_EQ(control.handle({{"command", "resume"}, {"torrent", "film"}}).at("changed"), 1);
    EXPECT_FALSE(is_paused());
}

TEST_F(MountControlTest, WhatIsNotUnderstoodIsRefused) {
    for (const auto& [request, words] : std::initializer_list<std::pair<const char*, const char*>>{
             {"{}", "no command"},
             {R"({"command": 7})", "command is no text"},
             {R"({"command": "format"})", "no command format"},
             {R"({"command": "add"})", "no file"},
             {R"({"command": "add", "file": "???"})", "base64"},
             {R"({"command": "add", "file": ""})", "no torrent"},
             {R"({"command": "add", "link": ["magnet:"]})", "link is no text"},
             {R"({"command": "add", "link": "magnet:?xt=urn:btih:12"})", "no torrent"},
             {R"({"command": "add", "link": "/etc/passwd"})", "no torrent"},
             {R"({"command": "add", "link": "x", "pin": "yes"})", "pin is no boolean"},
             {R"({"command": "add", "link": "x", "label": 5})", "label is no text"},
             {R"({"command": "remove"})", "no torrent in the request"},
             {R"({"command": "remove", "torrent": "x", "delete_data": 1})", "delete_data is no boolean"},
             {R"({"command": "remove", "torrent": ""})", "no torrent of that name"},
             {R"({"command": "pin", "path": "../../etc"})", "is not in the mount"},
             {R"({"command": "prefetch", "path": "film"})", "is not in the mount"}})
        EXPECT_THAT(refusal(request), HasSubstr(words)) << request;
    EXPECT_TRUE(control.handle({{"command", "list"}}).at("torrents").as_array().empty());
}

TEST_F(MountControlTest, LabelLimitsAndPinsOfATorrentAreSet) {
    control.handle({{"command", "add"}, {"file", to_base64(as_bytes(torrent_file()))}});
    const auto entry = [&] { return torrents.reports().at(0).entry; };
    const Json answer = control.handle({{"command", "set"},
                                        {"torrent", "film"},
                                        {"label", "films, new"},
                                        {"download_limit", 512'000},
                                        {"upload_limit", 0},
                                        {"max_peers", 7},
                                        {"seed_ratio", 1.5},
                                        {"pin", true}});
    EXPECT_EQ(answer.at("name"), "film");
    EXPECT_EQ(entry().label, "films,new");
    EXPECT_EQ(entry().limits, (TorrentLimits{.seed_ratio_mode = LimitMode::own,
                                             .seed_ratio = 1.5,
                                             .download_limited = true,
                                             .download_kB = 512,
                                             .upload_limited = true,
                                             .peer_limit = 7}));
    EXPECT_TRUE(torrents.details("film").files.at(0).pinned);
    control.handle({{"command", "set"}, {"torrent", "film"}, {"seed_ratio", "none"}, {"pin", false}});
    EXPECT_EQ(entry().limits.seed_ratio_mode, LimitMode::none);
    EXPECT_TRUE(entry().limits.download_limited) << "what is not given stays";
    EXPECT_EQ(entry().label, "films,new");
    EXPECT_FALSE(torrents.details("film").files.at(0).pinned);
    control.handle({{"command", "set"},
                    {"torrent", "film"},
                    {"label", ""},
                    {"download_limit", nullptr},
                    {"upload_limit", nullptr},
                    {"max_peers", nullptr},
                    {"seed_ratio", nullptr}});
    EXPECT_EQ(entry().label, "");
    EXPECT_FALSE(entry().limits.download_limited || entry().limits.upload_limited ||
                 entry().limits.peer_limit);
    EXPECT_EQ(entry().limits.seed_ratio_mode, LimitMode::of_session);
}

TEST_F(MountControlTest, SettingsThatCannotHoldChangeNothing) {
    control.handle({{"command", "add"}, {"file", to_base64(as_bytes(torrent_file()))}});
    for (const auto& [settings, words] : std::initializer_list<std::pair<const char*, const char*>>{
             {R"("label": 5)", "label is no text"},
             {R"("label": "a\nb")", "control characters"},
             {R"("download_limit": 0)", "download_limit is out of its range"},
             {R"("download_limit": "2M")", "download_limit is no number"},
             {R"("upload_limit": -1)", "upload_limit is out of its range"},
             {R"("max_peers": 0)", "max_peers is out of its range"},
             {R"("seed_ratio": 1e300)", "seed_ratio is out of its range"},
             {R"("seed_ratio": "all")", "seed_ratio is no number"},
             {R"("pin": "yes")", "pin is no boolean"}})
        EXPECT_THAT(
            refusal(std::string(R"({"command": "set", "torrent": "film", "label": "x", )") + settings + "}"),
            HasSubstr(words))
            << settings;
    EXPECT_THAT(refusal(R"({"command": "set", "torrent": "other"})"), HasSubstr("no torrent of that name"));
    EXPECT_EQ(torrents.reports().at(0).entry.label, "");
}

TEST_F(MountControlTest, ATorrentIsToldInFull) {
    const Json added = control.handle({{"command", "add"}, {"file", to_base64(as_bytes(torrent_file()))}});
    for (const auto& which : {added.at("info_hash"), boost::json::value("film")}) {
        const Json torrent = control.handle({{"command", "torrent"}, {"torrent", which}});
        EXPECT_EQ(torrent.at("name"), "film");
        EXPECT_EQ(
            torrent.at("files"),
            boost::json::parse(R"([{"path": "film", "size": 5, "offset": 0, "had": 0, "pinned": false}])"));
        EXPECT_EQ(torrent.at("pieces").at("map"), ".");
        EXPECT_EQ(torrent.at("pieces").at("availability"), "0");
    }
    control.handle({{"command", "pin"}, {"path", ""}});
    const Json pinned = control.handle({{"command", "torrent"}, {"torrent", "film"}});
    EXPECT_EQ(pinned.at("files").at(0).at("pinned"), true);
    control.handle({{"command", "unpin"}, {"path", ""}});
    const Json unpinned = control.handle({{"command", "torrent"}, {"torrent", "film"}});
    EXPECT_EQ(unpinned.at("files").at(0).at("pinned"), false);
    EXPECT_THAT(refusal(R"({"command": "torrent", "torrent": "other"})"),
                HasSubstr("no torrent of that name"));
}

TEST_F(MountControlTest, EachTorrentHasAFolderInTheMount) {
    const Json added = control.handle({{"command", "add"}, {"file", to_base64(as_bytes(torrent_file()))}});
    const std::string hash(added.at("info_hash").as_string());
    Filesystem& fs = torrents.filesystem();
    const NodeId root = fs.lookup(kRootNode, ".btfs")->node, all = fs.lookup(root, "torrents")->node;
    ASSERT_EQ(fs.list(all)->size(), 3u);
    EXPECT_EQ(fs.list(all)->at(2).name, hash);
    const NodeId its_folder = fs.lookup(all, hash)->node;
    EXPECT_EQ(fs.list(its_folder)->size(), 5u);
    for (const char* name : {"status.json", "pieces", "peers"})
        EXPECT_GT(fs.lookup(its_folder, name)->size, 5u) << name;
    EXPECT_FALSE(fs.lookup(all, std::string(40, 'a')));
    control.handle({{"command", "remove"}, {"torrent", hash}});
    EXPECT_FALSE(fs.lookup(its_folder, "status.json"));
    EXPECT_EQ(fs.list(all)->size(), 2u);
}

}  // namespace
}  // namespace btfs::cli
