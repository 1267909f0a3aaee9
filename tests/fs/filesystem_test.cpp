#include "fs/filesystem.hpp"

#include <gmock/gmock.h>

#include <deque>
#include <set>

#include "fs/errno_map.hpp"
#include "tests/support/fake_demand_sink.hpp"
#include "tests/support/fake_read_side.hpp"
#include "tests/support/torrent_files.hpp"

namespace btfs {
namespace {

using test::FakeDemandSink;
using test::FakeReadSide;
using testing::ElementsAre;

struct Mount {
    explicit Mount(std::vector<VirtualFile> virtual_files = {})
        : filesystem({.virtual_files = std::move(virtual_files)}) {}

    Slot add_with_hash(const std::vector<std::pair<std::string, std::uint64_t>>& files,
                       const Sha1Digest& hash) {
        const FileList list = test::file_list(files);
        const Layout layout = test::layout_of(list, kBlockSize);
        FakeReadSide& cache = caches.emplace_back(layout.total_size(), kBlockSize);
        return filesystem.add({hash, list, cache, sink, 0});
    }
    std::string add(const std::vector<std::pair<std::string, std::uint64_t>>& files,
                    std::int64_t modified = 0) {
        const FileList list = test::file_list(files);
        const Layout layout = test::layout_of(list, kBlockSize);
        FakeReadSide& cache = caches.emplace_back(layout.total_size(), kBlockSize);
        const Sha1Digest hash = sha1(as_bytes(std::to_string(caches.size())));
        return filesystem.name_of(filesystem.add({hash, list, cache, sink, modified}));
    }
    std::string digits(int torrent) { return sha1(as_bytes(std::to_string(torrent))).hex().substr(0, 8); }
    std::vector<std::string> list(NodeId node) {
        const Listing listing = filesystem.list(node).value();
        std::vector<std::string> names;
        for (std::size_t i = 0; i < listing.size(); ++i) names.emplace_back(listing.at(i).name);
        return names;
    }
    Attributes look(const std::vector<std::string_view>& path) {
        Attributes at = filesystem.attributes(kRootNode).value();
        for (std::string_view name : path) at = filesystem.lookup(at.node, name).value();
        return at;
    }

    FakeDemandSink sink;
    std::deque<FakeReadSide> caches;
    Filesystem filesystem;
};

TEST(Filesystem, TorrentsAppearAtTheRootAsTheyAreAdded) {
    Mount mount;
    EXPECT_THAT(mount.list(kRootNode), ElementsAre(".", ".."));
    mount.add({{"set/a", 1}}, 7);
    mount.add({{"film.mkv", 2}}, 5);
    EXPECT_THAT(mount.list(kRootNode), ElementsAre(".", "..", "film.mkv", "set"));
    EXPECT_EQ(mount.look({}).links, 3u);
    EXPECT_EQ(mount.look({}).modified, 7);
    EXPECT_EQ(mount.look({"film.mkv"}).kind, NodeKind::file);
    EXPECT_EQ(mount.look({"film.mkv"}).modified, 5);
    EXPECT_EQ(mount.filesystem.usage().total_size, 3u);
}

TEST(Filesystem, TorrentsOfOneNameAreListedWithTheirInfoHashes) {
    Mount mount;
    EXPECT_EQ(mount.add({{"film.mkv", 1}}), "film.mkv");
    const NodeId first = mount.look({"film.mkv"}).node;
    EXPECT_EQ(mount.add({{"film.mkv", 2}}), "film [" + mount.digits(2) + "].mkv");
    EXPECT_EQ(mount.add({{"film.mkv/inside", 4}}), "film [" + mount.digits(3) + "].mkv");
    const std::string renamed = "film [" + mount.digits(1) + "].mkv";
    EXPECT_EQ(mount.filesystem.name_of(static_cast<Slot>(first >> 32)), renamed);
    EXPECT_EQ(mount.list(kRootNode).size(), 5u);
    EXPECT_EQ(mount.look({renamed}).node, first);
    EXPECT_EQ(mount.look({"film.mkv"}).node, first) << "what was seen once leads on to the same";
    EXPECT_EQ(mount.look({"film [" + mount.digits(3) + "].mkv", "inside"}).size, 4u);
}

TEST(Filesystem, ARemovedTorrentIsFoundNoMoreAndItsReadsThatWaitFail) {
    Mount mount;
    mount.add({{"stays", 4}}, 1);
    mount.add({{"goes/inside", 7}}, 2);
    const Attributes file = mount.look({"goes", "inside"});
    const auto slot = static_cast<Slot>(file.node >> 32);
    EXPECT_TRUE(mount.filesystem.remove(slot));
    EXPECT_THAT(mount.list(kRootNode), ElementsAre(".", "..", "stays"));
    EXPECT_EQ(mount.filesystem.lookup(kRootNode, "goes").error(), fs_error::not_found());
    EXPECT_EQ(mount.filesystem.attributes(file.node).error(), fs_error::not_found());
    EXPECT_EQ(mount.filesystem.open(file.node, false).error(), fs_error::not_found());
    EXPECT_EQ(mount.caches[1].closed_with(), fs_error::removed());
    EXPECT_FALSE(mount.caches[0].closed_with());
    EXPECT_EQ(mount.filesystem.usage().total_size, 4u);
    EXPECT_EQ(mount.look({}).links, 2u);
    EXPECT_EQ(mount.filesystem.name_of(slot), "");
    EXPECT_FALSE(mount.filesystem.remove(slot));
}

TEST(Filesystem, ATorrentThatComesBackHasTheNodesAndNumbersThatItHad) {
    Mount mount;
    const Sha1Digest hash = sha1(as_bytes("film"));
    Sha1Digest alike = hash;  // whose slot would be the same
    alike.bytes.back() ^= std::byte{1};
    const Slot slot = mount.add_with_hash({{"set/a", 1}, {"set/b", 2}}, hash);
    const Attributes before = mount.look({"set", "b"});
    mount.filesystem.remove(slot);
    const Slot other = mount.add_with_hash({{"other", 1}}, alike);
    EXPECT_NE(other, slot) << "the kernel may hold nodes of the one that was removed";
    EXPECT_EQ(mount.add_with_hash({{"set/a", 1}, {"set/b", 2}}, hash), slot);
    EXPECT_EQ(mount.look({"set", "b"}).node, before.node);
    EXPECT_EQ(mount.look({"set", "b"}).inode, before.inode);
}

TEST(Filesystem, OfTwoTorrentsOfOneNameTheOneThatIsLeftHasTheName) {
    Mount mount;
    mount.add({{"film.mkv", 1}});
    mount.add({{"film.mkv", 2}});
    const std::string tagged = "film [" + mount.digits(1) + "].mkv";
    const NodeId left = mount.look({tagged}).node,
                 gone = mount.look({"film [" + mount.digits(2) + "].mkv"}).node;
    mount.filesystem.remove(static_cast<Slot>(gone >> 32));
    EXPECT_THAT(mount.list(kRootNode), ElementsAre(".", "..", "film.mkv"));
    EXPECT_EQ(mount.look({"film.mkv"}).node, left);
    EXPECT_EQ(mount.look({tagged}).node, left) << "what was seen once leads on to the same";
}

TEST(Filesystem, ARemovedTorrentIsInUseUntilItsFilesAndListingsAreClosed) {
    Mount mount;
    const FileList list = test::file_list({{"set/a", 1}});
    const Layout layout = test::layout_of(list, kBlockSize);
    FakeReadSide& cache = mount.caches.emplace_back(layout.total_size(), kBlockSize);
    auto token = std::make_shared<const int>();
    const std::weak_ptr<const int> in_use = token;
    const Slot slot =
        mount.filesystem.add({sha1(as_bytes("set")), list, cache, mount.sink, 0, std::move(token)});
    Handle* const file = mount.filesystem.open(mount.look({"set", "a"}).node, false).value();
    const auto listing = mount.filesystem.open_listing(mount.look({"set"}).node).value();
    mount.filesystem.remove(slot);
    mount.list(kRootNode);
    EXPECT_FALSE(in_use.expired());
    mount.filesystem.release(*file);
    EXPECT_FALSE(in_use.expired());
    EXPECT_EQ(mount.filesystem.listing(listing.handle)->size(), 3u);
    mount.filesystem.close_listing(listing.handle);
    EXPECT_TRUE(in_use.expired());
}

TEST(Filesystem, TellsWhichFilesAreReadAndHowFar) {
    Mount mount;
    mount.add({{"set/folder/film.mkv", 40 * kBlockSize}, {"set/notes", 9}});
    EXPECT_TRUE(mount.filesystem.readers().empty());
    const Opening opening{.remote = {.address = "192.0.2.7", .program = "VLC"}};
    Handle* const film =
        mount.filesystem.open(mount.look({"set", "folder", "film.mkv"}).node, opening).value();
    struct Reply final : InterruptibleReply {
        void watch_interrupts(ReadId) override {}
        void data(std::span<const iovec>) override {}
        void fail(Error) override {}
    };
    film->read({.range_in_file = {kBlockSize, kBlockSize + 100}, .thread = 7}, std::make_unique<Reply>());
    const auto readers = mount.filesystem.readers();
    ASSERT_EQ(readers.size(), 1u);
    EXPECT_EQ(readers[0].path, "set/folder/film.mkv");
    EXPECT_EQ(readers[0].size, 40 * kBlockSize);
    EXPECT_EQ(readers[0].thread, 7);
    EXPECT_EQ(readers[0].remote.address, "192.0.2.7");
    EXPECT_EQ(readers[0].remote.program, "VLC");
    EXPECT_EQ(readers[0].waiting, 1u);
    EXPECT_EQ(readers[0].window.begin, kBlockSize);
    mount.filesystem.remove(static_cast<Slot>(mount.look({"set"}).node >> 32));
    EXPECT_TRUE(mount.filesystem.readers().empty());
    mount.filesystem.release(*film);
}

TEST(Filesystem, AnOpenListingIsASnapshot) {
    Mount mount;
    mount.add({{"b", 1}});
    const Listing before = mount.filesystem.list(kRootNode).value();
    mount.add({{"a", 1}});
    EXPECT_EQ(before.size(), 3u);
    EXPECT_EQ(before.at(2).name, "b");
    EXPECT_EQ(mount.list(kRootNode).size(), 4u);
}

TEST(Filesystem, ListingsKnowTheirParents) {
    Mount mount;
    mount.add({{"set/d/e/f", 1}});
    const auto inode_of_dotdot = [&](NodeId node) {
        return mount.filesystem.list(node).value().at(1).attributes.inode;
    };
    EXPECT_EQ(inode_of_dotdot(mount.look({"set"}).node), kRootNode);
    EXPECT_EQ(inode_of_dotdot(mount.look({"set", "d"}).node), mount.look({"set"}).inode);
    EXPECT_EQ(inode_of_dotdot(mount.look({"set", "d", "e"}).node), mount.look({"set", "d"}).inode);
}

TEST(Filesystem, WhatIsNotThereOrNotMeantSo) {
    Mount mount;
    mount.add({{"set/a", 1}});
    Filesystem& fs = mount.filesystem;
    const NodeId file = mount.look({"set", "a"}).node;
    EXPECT_EQ(fs.lookup(kRootNode, "x").error(), fs_error::not_found());
    EXPECT_EQ(fs.lookup(mount.look({"set"}).node, "x").error(), fs_error::not_found());
    EXPECT_EQ(fs.lookup(file, "x").error(), fs_error::not_a_directory());
    EXPECT_EQ(fs.list(file).error(), fs_error::not_a_directory());
    EXPECT_EQ(fs.open(kRootNode, false).error(), fs_error::is_a_directory());
    EXPECT_EQ(fs.open(mount.look({"set"}).node, false).error(), fs_error::is_a_directory());
    EXPECT_EQ(fs.open(file, true).error(), fs_error::read_only());
    EXPECT_EQ(fs.symlink_target(file).error(), fs_error::not_a_symlink());
    for (NodeId node : {NodeId{0}, NodeId{2}, NodeId{9} << 32, (file >> 32 << 32) + 99})
        EXPECT_EQ(fs.attributes(node).error(), fs_error::not_found());
}

// Part of a node's attributes that NFS servers keep.
using NfsHandle = std::pair<NodeId, std::uint32_t>;
NfsHandle handle_of(const Attributes& attributes) {
    return {attributes.node, attributes.generation};
}

TEST(Filesystem, HandlesFollowFromTheInfoHashAndThePathInWhateverOrderTorrentsCome) {
    Mount one, other;
    one.add_with_hash({{"set/d/a", 1}, {"set/b", 2}}, sha1(as_bytes("1")));
    one.add_with_hash({{"film", 3}}, sha1(as_bytes("2")));
    other.add_with_hash({{"more", 4}}, sha1(as_bytes("3")));
    other.add_with_hash({{"film", 3}}, sha1(as_bytes("2")));
    other.add_with_hash({{"set/d/a", 1}, {"set/b", 2}}, sha1(as_bytes("1")));
    std::set<NfsHandle> handles;
    for (const auto& path : std::vector<std::vector<std::string_view>>{
             {"set"}, {"set", "d"}, {"set", "d", "a"}, {"set", "b"}, {"film"}}) {
        EXPECT_EQ(handle_of(one.look(path)), handle_of(other.look(path)));
        handles.insert(handle_of(one.look(path)));
    }
    EXPECT_EQ(handles.size(), 5u);
    EXPECT_EQ(one.look({}).generation, 0u) << "the kernel insists on it";
}

TEST(Filesystem, ANodeIdThatLeadsToAnotherFileAfterARemountHasAnotherGeneration) {
    // Both torrents hash to the same slot; the one that is added first gets it.
    Sha1Digest first = sha1(as_bytes("1")), second = first;
    second.bytes[19] ^= std::byte{1};
    Mount one, other;
    const Slot slot = one.add_with_hash({{"a/f", 1}}, first);
    EXPECT_EQ(one.add_with_hash({{"b/f", 2}}, second), slot + 1);
    EXPECT_EQ(other.add_with_hash({{"b/f", 2}}, second), slot);
    EXPECT_EQ(one.look({"a", "f"}).node, other.look({"b", "f"}).node);
    EXPECT_NE(one.look({"a", "f"}).generation, other.look({"b", "f"}).generation);
}

TEST(Filesystem, AnInfoHashOfZeroesDoesNotGetTheMountsOwnSlot) {
    Mount mount;
    EXPECT_EQ(mount.add_with_hash({{"a", 1}}, Sha1Digest{}), 1u);
    Sha1Digest ones;
    ones.bytes.fill(std::byte{0xff});
    EXPECT_EQ(mount.add_with_hash({{"b", 1}}, ones), 0xffffffffu);
    EXPECT_EQ(mount.add_with_hash({{"c", 1}}, ones), 2u);
    EXPECT_EQ(mount.look({"c"}).node >> 32, 2u);
}

TEST(Filesystem, EveryNodeFindsItselfAndItsFolder) {
    Mount mount({{"status", [] { return std::string("text"); }}});
    mount.add({{"set/d/f", 1}});
    const auto look = [&](const Attributes& from, std::string_view name) {
        return mount.filesystem.lookup(from.node, name).value().node;
    };
    const std::vector<std::vector<std::string_view>> chains[] = {
        {{}, {"set"}, {"set", "d"}, {"set", "d", "f"}}, {{}, {".btfs"}, {".btfs", "status"}}};
    for (const auto& chain : chains) {
        NodeId parent = kRootNode;
        for (const auto& path : chain) {
            const Attributes node = mount.look(path);
            EXPECT_EQ(look(node, "."), node.node);
            EXPECT_EQ(look(node, ".."), parent);
            parent = node.node;
        }
    }
    EXPECT_EQ(mount.filesystem.lookup(NodeId{9} << 32, ".").error(), fs_error::not_found());
}

/// Reads a file whose bytes are at hand.
std::string read(Handle& handle, ByteRange range = {0, 1000}) {
    struct Reply final : InterruptibleReply {
        explicit Reply(std::string& into) : text(into) {}
        void watch_interrupts(ReadId) override {}
        void data(std::span<const iovec> parts) override {
            for (const iovec& part : parts)
                text.append(static_cast<const char*>(part.iov_base), part.iov_len);
        }
        void fail(Error error) override { text = error.message(); }
        std::string& text;
    };
    std::string text;
    handle.read({range}, std::make_unique<Reply>(text));
    return text;
}

struct MountWithStatus : Mount {
    MountWithStatus() : Mount({{"status", [this] { return "opened " + std::to_string(++opened) + "\n"; }}}) {}
    int opened = 0;
};

TEST(Filesystem, VirtualFilesStandInAFolderOfTheirOwn) {
    MountWithStatus mount;
    mount.add({{"set/a", 10}});
    EXPECT_THAT(mount.list(kRootNode), ElementsAre(".", "..", "set"));
    const Attributes folder = mount.look({".btfs"}), status = mount.look({".btfs", "status"});
    EXPECT_THAT(mount.list(folder.node), ElementsAre(".", "..", "status"));
    EXPECT_EQ(mount.filesystem.list(folder.node)->at(1).attributes.inode, kRootNode);
    EXPECT_EQ(folder.kind, NodeKind::directory);
    EXPECT_EQ(folder.links, 2u);
    EXPECT_EQ(status.kind, NodeKind::file);
    EXPECT_EQ(status.size, std::string("opened 1\n").size());
    const std::set<std::uint64_t> inodes{kRootNode, folder.inode, status.inode, mount.look({"set"}).inode};
    EXPECT_EQ(inodes.size(), 4u);
    EXPECT_EQ(mount.look({}).links, 3u) << "find counts on it";
    EXPECT_EQ(mount.look({}).validity, Validity::brief);
    EXPECT_EQ(folder.validity, Validity::momentary);
    EXPECT_EQ(status.validity, Validity::momentary);
    EXPECT_EQ(mount.look({"set", "a"}).validity, Validity::permanent);
    EXPECT_EQ(mount.filesystem.usage().total_size, 10u);
    EXPECT_EQ(mount.filesystem.usage().node_count, 3u) << "the root, a folder and a file";
}

TEST(Filesystem, AVirtualFileSaysForEachHandleWhatWasTrueWhenItWasLookedUp) {
    MountWithStatus mount;
    Filesystem& fs = mount.filesystem;
    const auto open = [&] { return fs.open(mount.look({".btfs", "status"}).node, false).value(); };
    Handle* const first = open();
    Handle* const second = open();
    EXPECT_EQ(read(*first), "opened 1\n");
    EXPECT_EQ(read(*second), "opened 2\n");
    fs.release(*second);
    EXPECT_EQ(read(*first), "opened 1\n");
    EXPECT_TRUE(first->bypasses_page_cache());
    fs.release(*first);
}

TEST(Filesystem, AReadOfAVirtualFileIsCutToItsText) {
    MountWithStatus mount;
    Handle* const status = mount.filesystem.open(mount.look({".btfs", "status"}).node, false).value();
    EXPECT_EQ(read(*status, {3, 6}), "ned");
    EXPECT_EQ(read(*status, {7, 1000}), "1\n");
    EXPECT_EQ(read(*status, {9, 1000}), "");
    EXPECT_EQ(read(*status, {50, 1000}), "");
}

TEST(Filesystem, VirtualNodesAreRefusedWhatTheyCannotDo) {
    MountWithStatus mount;
    Filesystem& fs = mount.filesystem;
    const NodeId folder = mount.look({".btfs"}).node, status = mount.look({".btfs", "status"}).node;
    EXPECT_EQ(fs.lookup(folder, "x").error(), fs_error::not_found());
    EXPECT_EQ(fs.lookup(status, "x").error(), fs_error::not_a_directory());
    EXPECT_EQ(fs.list(status).error(), fs_error::not_a_directory());
    EXPECT_EQ(fs.open(folder, false).error(), fs_error::is_a_directory());
    EXPECT_EQ(fs.open(status, true).error(), fs_error::read_only());
    EXPECT_EQ(fs.open(folder + 1, false).error(), fs_error::not_found());
    EXPECT_EQ(fs.symlink_target(status).error(), fs_error::not_a_symlink());
}

TEST(Filesystem, ATorrentCannotTakeTheVirtualFoldersName) {
    MountWithStatus mount;
    EXPECT_EQ(mount.add({{".btfs/status", 5}}), ".btfs [" + mount.digits(1) + "]");
    EXPECT_EQ(mount.look({".btfs", "status"}).size, 9u);
    EXPECT_EQ(mount.look({".btfs [" + mount.digits(1) + "]", "status"}).size, 5u);
}

TEST(Filesystem, ATorrentAddedAfterTheEndCannotHang) {
    Mount mount;
    mount.filesystem.close();
    mount.add({{"f", 100}});
    struct Reply final : ReadReply {
        explicit Reply(Error& into) : error(into) {}
        void data(std::span<const iovec>) override {}
        void fail(Error e) override { error = e; }
        Error& error;
    };
    Error error;
    mount.caches[0].read(1, {0, 100}, std::make_unique<Reply>(error));
    EXPECT_EQ(to_errno(error), EIO);
}

}  // namespace
}  // namespace btfs
