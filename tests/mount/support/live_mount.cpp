#include "tests/mount/support/live_mount.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace btfs::test {

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds at_most) {
    const auto deadline = std::chrono::steady_clock::now() + at_most;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

double seconds_of(const std::function<void()>& action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

MountFolder::MountFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "btfs-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
}

MountFolder::~MountFolder() {
    while (umount2(path_.c_str(), MNT_DETACH | MNT_FORCE) == 0) {
    }
    rmdir(path_.c_str());
}

std::optional<std::string> mounting_is_impossible() {
    if (geteuid() != 0) return "only root mounts here";
    if (access("/dev/fuse", R_OK | W_OK) != 0) return "no /dev/fuse";
    return std::nullopt;
}

LiveMount::LiveMount(const Files& files, MountOptions options, std::string at,
                     std::vector<VirtualFile> virtual_files)
    : where_(std::move(at)) {
    filesystem_.emplace(Filesystem::Options{.virtual_files = std::move(virtual_files),
                                            .inode_width = options.options.inode_width});
    if (where_.empty()) where_ = folder_.emplace().path();
    if (!files.empty()) add(files);
    options.mountpoint = where_;
    auto session = FuseSession::mount(*filesystem_, options);
    if (!session) {
        ADD_FAILURE() << session.error().message;
        std::abort();
    }
    session_ = std::move(*session);
    thread_ = std::thread([this] {
        session_->run();
        ended_ = true;
    });
}

LiveMount::~LiveMount() {
    end();
}

void LiveMount::end() {
    if (!session_) return;
    session_->stop();
    thread_.join();
    session_.reset();
    filesystem_.reset();
}

FakeReadSide& LiveMount::add_with_hash(const FileList& files, const Sha1Digest& info_hash) {
    std::uint64_t size = 0;
    for (const FileEntry& file : files) size += file.size;
    FakeReadSide& cache = caches_.emplace_back(size, kPieceLength);
    filesystem_->add({info_hash, files, cache, sink_, 1'700'000'000});
    return cache;
}

Process::Process(const std::function<int()>& work) : pid_(fork()) {
    if (pid_ == 0) _exit(work());
}

Process::Process(const std::vector<std::string>& command) : pid_(fork()) {
    if (pid_ != 0) return;
    std::vector<char*> arguments;
    for (const std::string& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
    arguments.push_back(nullptr);
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, 1);
    dup2(null, 2);
    execvp(arguments[0], arguments.data());
    _exit(127);
}

Process::~Process() {
    if (pid_ < 0 || status_) return;
    signal(SIGKILL);
    wait();
}

void Process::signal(int number) const {
    kill(pid_, number);
}

std::optional<int> Process::wait(std::chrono::milliseconds at_most) {
    eventually(
        [&] {
            int status = 0;
            if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_)
                status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
            return status_.has_value();
        },
        at_most);
    return status_;
}

std::optional<int> read_file(const std::string& path, std::vector<std::byte>& into) {
    const int fd = open(path.c_str(), O_RDONLY);
    if (fd < 0) return errno;
    std::vector<std::byte> part(1 << 20);
    ssize_t got = 0;
    while ((got = read(fd, part.data(), part.size())) > 0)
        into.insert(into.end(), part.begin(), part.begin() + got);
    const std::optional<int> error = got < 0 ? std::optional(errno) : std::nullopt;
    close(fd);
    return error;
}

bool is_content(std::span<const std::byte> bytes, std::uint64_t offset_in_torrent) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] != content_at(offset_in_torrent + i)) return false;
    }
    return true;
}

}  // namespace btfs::test
