// FUSE operations as libfuse calls them, for requests that the test writes in the place of the kernel.
#include "fs/fuse_ops.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/fake_demand_sink.hpp"
#include "tests/support/fake_mount_commands.hpp"
#include "tests/support/fake_read_side.hpp"
#include "tests/support/torrent_files.hpp"

namespace btfs {
namespace {

constexpr std::uint32_t kMostBackground = 65535;  // the protocol's field has 16 bits
constexpr std::uint64_t kSize = 5000;
constexpr uid_t kUser = 1000, kOther = 1001;

/// A request that names something, as "x.torrent".
template <class Request>
struct Named {
    Request request{};
    char name[10] = "x.torrent";
};
struct Nothing {};

// A torrent of one file in a mount whose kernel is the test.
class FuseOps : public testing::Test {
  protected:
    FuseOps() {
        cache.bring_all();
        file = NodeId{filesystem.add({sha1(as_bytes("t")), files, cache, sink, 0})} << 32;
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        kernel = ends[0];
        const std::string limit = "max_read=" + std::to_string(kMaxRead);
        const char* arguments[] = {"btfs", "-o", limit.c_str()};
        fuse_args args = FUSE_ARGS_INIT(3, const_cast<char**>(arguments));
        session = fuse_session_new(&args, &fuse_operations(), sizeof(fuse_lowlevel_ops), &mount);
        fuse_opt_free_args(&args);
        EXPECT_EQ(fuse_session_mount(session, ("/dev/fd/" + std::to_string(ends[1])).c_str()), 0);
        fuse_init_in init{};
        init.major = FUSE_KERNEL_VERSION;
        init.minor = FUSE_KERNEL_MINOR_VERSION;
        init.flags = FUSE_ASYNC_READ;
        ask(FUSE_INIT, 0, init, connection);
    }
    ~FuseOps() override {
        filesystem.close();
        fuse_session_destroy(session);
        close(kernel);
    }

    // Sends a request; gives the errno of its answer, and the answer's bytes.
    template <class Request>
    int ask(std::uint32_t opcode, NodeId node, const Request& request, std::vector<char>& answer) {
        std::vector<char> bytes(sizeof(fuse_in_header) + sizeof request);
        fuse_in_header header{};
        header.len = static_cast<std::uint32_t>(bytes.size());
        header.opcode = opcode;
        header.unique = ++unique;
        header.nodeid = node;
        header.uid = caller;
        header.pid = static_cast<std::uint32_t>(getpid());
        std::memcpy(bytes.data(), &header, sizeof header);
        std::memcpy(bytes.data() + sizeof header, &request, sizeof request);
        fuse_buf buffer{};
        buffer.size = bytes.size();
        buffer.mem = bytes.data();
        fuse_session_process_buf(session, &buffer);
        answer.resize(2 * kSize);
        const ssize_t size = recv(kernel, answer.data(), answer.size(), MSG_DONTWAIT);
        fuse_out_header out{};
        if (size < static_cast<ssize_t>(sizeof out)) return -1;
        std::memcpy(&out, answer.data(), sizeof out);
        EXPECT_EQ(out.unique, unique);
        answer.resize(static_cast<std::size_t>(size));
        answer.erase(answer.begin(), answer.begin() + sizeof out);
        return -out.error;
    }
    template <class Request, class Answer>
    void ask(std::uint32_t opcode, NodeId node, const Request& request, Answer& answer) {
        std::vector<char> bytes;
        ASSERT_EQ(ask(opcode, node, request, bytes), 0);
        ASSERT_EQ(bytes.size(), sizeof answer);
        std::memcpy(&answer, bytes.data(), sizeof answer);
    }

    const FileList files = test::file_list({{"f", kSize}});
    test::FakeReadSide cache{kSize, 16 * 1024};
    test::FakeDemandSink sink;
    test::FakeMountCommands commands;
    Filesystem filesystem{
        {.virtual_files = {{"status", [] { return std::string("s"); }}}, .commands = &commands}};
    KernelDropper pages;
    FuseMount mount{.filesystem = filesystem,
                    .uid = 0,
                    .gid = 0,
                    .max_background = kMostBackground,
                    .dropper = pages,
                    .commander_uid = kUser};
    uid_t caller = kUser;
    NodeId file = 0;
    fuse_session* session = nullptr;
    fuse_init_out connection{};
    int kernel = -1;
    std::uint64_t unique = 0;
};

TEST_F(FuseOps, TheKernelMayHaveAsManyReadsUnderWayAsTheProtocolAllows) {
    EXPECT_EQ(connection.max_background, kMostBackground);
    EXPECT_EQ(connection.congestion_threshold, kMostBackground);
}

TEST_F(FuseOps, AReadLongerThanTheLimitIsRefused) {
    fuse_open_out opened{};
    ask(FUSE_OPEN, file, fuse_open_in{}, opened);
    fuse_read_in read{};
    read.fh = opened.fh;
    read.size = kMaxRead;
    std::vector<char> bytes;
    EXPECT_EQ(ask(FUSE_READ, file, read, bytes), 0);
    EXPECT_EQ(bytes.size(), kSize);
    read.size = kMaxRead + 1;
    EXPECT_EQ(ask(FUSE_READ, file, read, bytes), EINVAL);
    fuse_release_in released{};
    released.fh = opened.fh;
    EXPECT_EQ(ask(FUSE_RELEASE, file, released, bytes), 0);
}

TEST_F(FuseOps, AFileTellsItsState) {
    fuse_open_out opened{};
    ask(FUSE_OPEN, file, fuse_open_in{}, opened);
    fuse_ioctl_in question{};
    question.fh = opened.fh;
    question.cmd = kAskFileState;
    question.out_size = sizeof(FileState);
    const auto ask_state = [&](FileState& state) {
        std::vector<char> bytes;
        const int error = ask(FUSE_IOCTL, file, question, bytes);
        if (error != 0) return error;
        EXPECT_EQ(bytes.size(), sizeof(fuse_ioctl_out) + sizeof state);
        std::memcpy(&state, bytes.data() + sizeof(fuse_ioctl_out), sizeof state);
        return 0;
    };
    FileState state{};
    ASSERT_EQ(ask_state(state), 0);
    EXPECT_EQ(state.is_complete, 1);
    EXPECT_EQ(state.offset_in_torrent, 0u);
    EXPECT_EQ(std::memcmp(state.info_hash, sha1(as_bytes("t")).bytes.data(), 20), 0);

    cache.lose_during_next_read();
    fuse_read_in read{};
    read.fh = opened.fh;
    read.size = 100;
    std::vector<char> bytes;
    ask(FUSE_READ, file, read, bytes);
    ASSERT_EQ(ask_state(state), 0);
    EXPECT_EQ(state.is_complete, 0);
    cache.bring_all();
    char answer[4096];
    EXPECT_GT(recv(kernel, answer, sizeof answer, MSG_DONTWAIT), 0) << "the read that had waited";

    question.out_size = sizeof(FileState) - 1;
    EXPECT_EQ(ask_state(state), EINVAL);
    question.out_size = sizeof(FileState);
    question.cmd = kAskFileState + 1;
    EXPECT_EQ(ask_state(state), ENOTTY);
    fuse_release_in released{};
    released.fh = opened.fh;
    EXPECT_EQ(ask(FUSE_RELEASE, file, released, bytes), 0);
}

TEST_F(FuseOps, NothingButCommandsCanBeWritten) {
    std::vector<char> bytes;
    for (const NodeId folder : {NodeId{kRootNode}, VirtualFolder::kNode, file}) {
        EXPECT_EQ(ask(FUSE_MKDIR, folder, Named<fuse_mkdir_in>{}, bytes), EROFS);
        EXPECT_EQ(ask(FUSE_MKNOD, folder, Named<fuse_mknod_in>{}, bytes), EROFS);
        EXPECT_EQ(ask(FUSE_CREATE, folder, Named<fuse_create_in>{}, bytes), EROFS);
        EXPECT_EQ(ask(FUSE_UNLINK, folder, Named<Nothing>{}, bytes), EROFS);
        EXPECT_EQ(ask(FUSE_RMDIR, folder, Named<Nothing>{}, bytes), EROFS);
        EXPECT_EQ(ask(FUSE_LINK, folder, Named<fuse_link_in>{}, bytes), EROFS);
        EXPECT_EQ(ask(FUSE_SETATTR, folder, fuse_setattr_in{}, bytes), EROFS);
        EXPECT_EQ(ask(FUSE_REMOVEXATTR, folder, Named<Nothing>{}, bytes), EROFS);
        fuse_access_in access{};
        access.mask = W_OK;
        EXPECT_EQ(ask(FUSE_ACCESS, folder, access, bytes), EROFS);
        access.mask = R_OK;
        EXPECT_EQ(ask(FUSE_ACCESS, folder, access, bytes), 0);
    }
    for (const unsigned flags : {unsigned{O_WRONLY}, unsigned{O_RDWR}, unsigned{O_RDONLY | O_TRUNC}}) {
        fuse_open_in open{};
        open.flags = flags;
        EXPECT_EQ(ask(FUSE_OPEN, file, open, bytes), EROFS) << flags;
    }
    EXPECT_EQ(ask(FUSE_REMOVEXATTR, VirtualFolder::kLinkNode, Named<Nothing>{}, bytes), EOPNOTSUPP);
    EXPECT_TRUE(commands.asked.empty());
}

TEST_F(FuseOps, OtherUsersCommandNothing) {
    caller = kOther;
    std::vector<char> bytes;
    Named<fuse_create_in> create;
    create.request.flags = O_WRONLY;
    EXPECT_EQ(ask(FUSE_CREATE, VirtualFolder::kAddNode, create, bytes), EACCES);
    fuse_open_in open{};
    open.flags = O_WRONLY;
    EXPECT_EQ(ask(FUSE_OPEN, VirtualFolder::kLinkNode, open, bytes), EACCES);
    EXPECT_EQ(ask(FUSE_SETATTR, VirtualFolder::kLinkNode, fuse_setattr_in{}, bytes), EACCES);
    fuse_access_in access{};
    access.mask = W_OK;
    EXPECT_EQ(ask(FUSE_ACCESS, VirtualFolder::kLinkNode, access, bytes), EACCES);
    for (const uid_t user : {kUser, uid_t{0}}) {
        caller = user;
        EXPECT_EQ(ask(FUSE_ACCESS, VirtualFolder::kLinkNode, access, bytes), 0);
    }
    fuse_attr_out attributes{};
    ask(FUSE_GETATTR, VirtualFolder::kLinkNode, fuse_getattr_in{}, attributes);
    EXPECT_EQ(attributes.attr.uid, kUser);
    EXPECT_EQ(attributes.attr.mode, S_IFREG | 0644U);
}

struct Rename {
    fuse_rename_in request{};
    char names[28] = ".x.torrent.Ab12Cd\0x.torrent";
};

TEST_F(FuseOps, ARenameIsAnsweredWhenTheFileWasTaken) {
    std::vector<char> bytes;
    struct {
        fuse_create_in request{};
        char name[18] = ".x.torrent.Ab12Cd";
    } create;
    create.request.flags = O_WRONLY;
    ASSERT_EQ(ask(FUSE_CREATE, VirtualFolder::kAddNode, create, bytes), 0);
    Rename rename;
    rename.request.newdir = VirtualFolder::kAddNode;
    EXPECT_EQ(ask(FUSE_RENAME, kRootNode, rename, bytes), EROFS);
    commands.holds = true;
    EXPECT_EQ(ask(FUSE_RENAME, VirtualFolder::kAddNode, rename, bytes), -1) << "it waits";
    commands.answer();
    fuse_out_header answer{};
    ASSERT_EQ(recv(kernel, &answer, sizeof answer, MSG_DONTWAIT), static_cast<ssize_t>(sizeof answer));
    EXPECT_EQ(answer.unique, unique);
    EXPECT_EQ(answer.error, 0);
    struct {
        char name[10] = "x.torrent";
    } name;
    EXPECT_EQ(ask(FUSE_LOOKUP, VirtualFolder::kAddNode, name, bytes), 0) << "by the process that renamed it";
    EXPECT_EQ(ask(FUSE_UNLINK, VirtualFolder::kAddNode, name, bytes), 0);
    EXPECT_EQ(ask(FUSE_UNLINK, VirtualFolder::kAddNode, name, bytes), ENOENT);
    EXPECT_EQ(ask(FUSE_UNLINK, kRootNode, name, bytes), EROFS);
}

TEST_F(FuseOps, AFileThatWasDroppedAnswersItsFlushWhenItWasTaken) {
    std::vector<char> bytes;
    Named<fuse_create_in> create;
    create.request.flags = O_WRONLY;
    ASSERT_EQ(ask(FUSE_CREATE, VirtualFolder::kAddNode, create, bytes), 0);
    fuse_entry_out entry{};
    fuse_open_out opened{};
    ASSERT_EQ(bytes.size(), sizeof entry + sizeof opened);
    std::memcpy(&entry, bytes.data(), sizeof entry);
    std::memcpy(&opened, bytes.data() + sizeof entry, sizeof opened);
    EXPECT_EQ(entry.entry_valid + entry.attr_valid, 0u) << "the kernel remembers nothing of it";
    EXPECT_NE(opened.open_flags & FOPEN_DIRECT_IO, 0u);
    struct {
        fuse_write_in request{};
        char content[4] = {'d', '1', ':', 'a'};
    } write;
    write.request.fh = opened.fh;
    write.request.size = sizeof write.content;
    EXPECT_EQ(ask(FUSE_WRITE, entry.nodeid, write, bytes), 0);
    fuse_flush_in flush{};
    flush.fh = opened.fh;
    commands.holds = true;
    EXPECT_EQ(ask(FUSE_FLUSH, entry.nodeid, flush, bytes), -1) << "it waits";
    EXPECT_EQ(commands.asked, std::vector<std::string>{"take x.torrent: d1:a"});
    commands.waiting.clear();  // the mount ends
    fuse_out_header answer{};
    ASSERT_EQ(recv(kernel, &answer, sizeof answer, MSG_DONTWAIT), static_cast<ssize_t>(sizeof answer));
    EXPECT_EQ(answer.unique, unique);
    EXPECT_EQ(answer.error, -EIO);
    fuse_release_in release{};
    release.fh = opened.fh;
    EXPECT_EQ(ask(FUSE_RELEASE, entry.nodeid, release, bytes), 0);
}

}  // namespace
}  // namespace btfs
