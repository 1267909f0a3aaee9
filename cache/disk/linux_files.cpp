#include "cache/disk/linux_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace btfs {
namespace {

/// Bytes of one hint. The kernel reads no more for a hint than the device's readahead, 128 KiB by default, or
/// its largest request.
constexpr std::uint64_t kWillNeedStep = 128 * 1024;

Error last_error() {
    return system_error(errno);
}

/// Repeats the call while signals interrupt it.
template <class F>
Result<std::size_t> transfer(F&& call) {
    for (;;) {
        const ssize_t n = call();
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno != EINTR) return last_error();
    }
}

template <class F>
Error done(F&& call) {
    while (call() != 0)
        if (errno != EINTR) return last_error();
    return {};
}

int ask_file_system(int folder, struct statvfs& found) {
    return folder == AT_FDCWD ? statvfs(".", &found) : fstatvfs(folder, &found);
}

/// A lock of the whole file. Of the kernel's locks only those of an open file description stay until its last
/// descriptor is closed, and also can be asked for without being taken (flock() cannot).
struct flock whole_file_lock() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

struct Kind {
    FileStatus status;
    std::uint16_t mode;  ///< with the file type
};

Result<Kind> ask(int fd, const char* name, int flags) {
    struct statx found {};
    constexpr unsigned kFields = STATX_BASIC_STATS | STATX_BTIME;
    if (statx(fd, name, flags, kFields, &found) != 0) return last_error();
    FileStatus status;
    status.size = found.stx_size;
    status.bytes_on_disk = found.stx_blocks * 512;
    status.device = std::uint64_t{found.stx_dev_major} << 32 | found.stx_dev_minor;
    status.inode = found.stx_ino;
    status.owner = found.stx_uid;
    status.mode = found.stx_mode & 07777;
    status.modified = {found.stx_mtime.tv_sec, static_cast<long>(found.stx_mtime.tv_nsec)};
    status.changed = {found.stx_ctime.tv_sec, static_cast<long>(found.stx_ctime.tv_nsec)};
    if ((found.stx_mask & STATX_BTIME) != 0) status.born_s = found.stx_btime.tv_sec;
    return Kind{status, found.stx_mode};
}

class LinuxFile final : public File {
  public:
    explicit LinuxFile(FileDescriptor fd) : fd_(std::move(fd)) {}

    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) override {
        return transfer([&] { return pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset)); });
    }
    Result<std::size_t> read_cached(std::uint64_t offset, std::span<std::byte> out) override {
        const iovec target{out.data(), out.size()};
        return transfer(
            [&] { return preadv2(fd_.get(), &target, 1, static_cast<off_t>(offset), RWF_NOWAIT); });
    }
    Result<std::size_t> write(std::uint64_t offset, ByteView bytes) override {
        return transfer(
            [&] { return pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    }
    Error punch(ByteRange range) override {
        if (range.empty()) return {};
        return done([&] {
            return fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                             static_cast<off_t>(range.begin), static_cast<off_t>(range.size()));
        });
    }
    Error truncate(std::uint64_t size) override {
        return done([&] { return ftruncate(fd_.get(), static_cast<off_t>(size)); });
    }
    Error sync() override {
        return done([&] { return fdatasync(fd_.get()); });
    }
    Error write_out(ByteRange range) override {
        constexpr unsigned kAndWait =
            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
        return done([&] {
            return sync_file_range(fd_.get(), static_cast<off_t>(range.begin),
                                   static_cast<off_t>(range.size()), kAndWait);
        });
    }
    void will_need(ByteRange range) override {
        for (std::uint64_t at = range.begin; at < range.end; at += kWillNeedStep)
            posix_fadvise(fd_.get(), static_cast<off_t>(at),
                          static_cast<off_t>(std::min(kWillNeedStep, range.end - at)), POSIX_FADV_WILLNEED);
    }
    Result<std::uint64_t> next_data(std::uint64_t offset) override { return seek(offset, SEEK_DATA); }
    Result<std::uint64_t> next_hole(std::uint64_t offset) override { return seek(offset, SEEK_HOLE); }
    Result<FileStatus> status() override {
        const auto found = ask(fd_.get(), "", AT_EMPTY_PATH);
        if (!found) return found.error();
        return found->status;
    }
    Error set_modified(std::int64_t seconds) override {
        const timespec times[2] = {{0, UTIME_OMIT}, {seconds, 0}};
        return done([&] { return futimens(fd_.get(), times); });
    }
    Error try_lock() override {
        struct flock lock = whole_file_lock();
        const Error error = done([&] { return fcntl(fd_.get(), F_OFD_SETLK, &lock); });
        return error == system_error(EACCES) ? system_error(EWOULDBLOCK) : error;
    }
    bool is_locked() override {
        struct flock lock = whole_file_lock();
        return !done([&] { return fcntl(fd_.get(), F_OFD_GETLK, &lock); }) && lock.l_type != F_UNLCK;
    }
    // The kernel gives a lease for writing to the only one who has the file open. Another process that opens
    // the file while we have the lease waits, and the kernel sends us a signal: one that is ignored by
    // default.
    OpenElsewhere open_elsewhere() override {
        if (fcntl(fd_.get(), F_SETSIG, SIGURG) != 0) return OpenElsewhere::unknown;
        const Error error = done([&] { return fcntl(fd_.get(), F_SETLEASE, F_WRLCK); });
        if (error == system_error(EAGAIN)) return OpenElsewhere::yes;
        if (error) return OpenElsewhere::unknown;
        fcntl(fd_.get(), F_SETLEASE, F_UNLCK);
        return OpenElsewhere::no;
    }
    Result<int> descriptor() override { return fd_.get(); }

  private:
    Result<std::uint64_t> seek(std::uint64_t offset, int to) {
        const off_t found = lseek(fd_.get(), static_cast<off_t>(offset), to);
        if (found < 0) return last_error();
        return static_cast<std::uint64_t>(found);
    }

    const FileDescriptor fd_;
};

/// Opens the folder that `name` lies in, without following a link on the way.
Result<FileDescriptor> open_folder_of(int at, const std::filesystem::path& name) {
    FileDescriptor folder;
    for (const std::filesystem::path& part : name.parent_path()) {
        const int from = folder ? folder.get() : at;
        FileDescriptor next(::openat(from, part.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!next) return last_error();
        folder = std::move(next);
    }
    return folder;
}

}  // namespace

int LinuxFiles::at() const {
    return folder_ ? folder_.get() : AT_FDCWD;
}

Result<std::unique_ptr<LinuxFiles>> LinuxFiles::open_folder(const std::filesystem::path& path) {
    FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return last_error();
    return std::unique_ptr<LinuxFiles>(new LinuxFiles(std::move(folder)));
}

Result<FileStatus> LinuxFiles::folder_status() const {
    const auto found = ask(at(), folder_ ? "" : ".", folder_ ? AT_EMPTY_PATH : 0);
    if (!found) return found.error();
    return found->status;
}

Result<std::unique_ptr<File>> LinuxFiles::open(const std::filesystem::path& name, const OpenHow& how) {
    // O_NONBLOCK: open() must not wait for a pipe's writer or for a lease. A FUSE file system may obey the
    // flag for regular files, too, so it is cleared once the file is known to be one.
    int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (how.write ? O_RDWR : O_RDONLY);
    if (how.create) flags |= O_CREAT | (how.exclusive ? O_EXCL : 0);
    if (!how.follow_links) flags |= O_NOFOLLOW;
    FileDescriptor folder;
    if (!how.follow_folder_links && name.has_parent_path()) {
        auto opened = open_folder_of(at(), name);
        if (!opened) return opened.error();
        folder = std::move(*opened);
    }
    const int from = folder ? folder.get() : at();
    const std::filesystem::path last = folder ? name.filename() : name;
    FileDescriptor fd;
    if (how.keep_access_time)  // only the owner may do this
        fd = FileDescriptor(::openat(from, last.c_str(), flags | O_NOATIME, how.mode));
    if (!fd && (!how.keep_access_time || errno == EPERM))
        fd = FileDescriptor(::openat(from, last.c_str(), flags, how.mode));
    if (!fd) return last_error();
    const auto found = ask(fd.get(), "", AT_EMPTY_PATH);
    if (!found) return found.error();
    if (S_ISDIR(found->mode)) return system_error(EISDIR);
    if (!S_ISREG(found->mode)) return system_error(EINVAL);
    const int now = fcntl(fd.get(), F_GETFL);
    if (now < 0 || fcntl(fd.get(), F_SETFL, now & ~O_NONBLOCK) != 0) return last_error();
    return std::unique_ptr<File>(std::make_unique<LinuxFile>(std::move(fd)));
}

Result<FileStatus> LinuxFiles::status(const std::filesystem::path& name) {
    const auto found = ask(at(), name.c_str(), AT_SYMLINK_NOFOLLOW);
    if (!found) return found.error();
    return found->status;
}

Error LinuxFiles::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
    return done([&] { return renameat(at(), from.c_str(), at(), to.c_str()); });
}

Error LinuxFiles::remove(const std::filesystem::path& name) {
    return done([&] { return unlinkat(at(), name.c_str(), 0); });
}

Error LinuxFiles::sync_folder_of(const std::filesystem::path& name) {
    const std::filesystem::path folder = name.has_parent_path() ? name.parent_path() : ".";
    const FileDescriptor fd(::openat(at(), folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return last_error();
    const Error error = done([&] { return fsync(fd.get()); });
    // Some file systems have nothing to sync in a folder and return EINVAL.
    return error == system_error(EINVAL) ? Error{} : error;
}

Result<std::vector<std::string>> LinuxFiles::list() {
    FileDescriptor fd(::openat(at(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return last_error();
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(fdopendir(fd.get()), closedir);
    if (!folder) return last_error();
    [[maybe_unused]] const int owned_by_folder = fd.release();
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* entry = readdir(folder.get());
        if (!entry) break;
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
    }
    if (errno != 0) return last_error();
    return names;
}

Result<std::uint64_t> LinuxFiles::bytes_free() {
    struct statvfs found {};
    if (ask_file_system(at(), found) != 0) return last_error();
    return std::uint64_t{found.f_bavail} * found.f_frsize;
}

Result<std::uint64_t> LinuxFiles::bytes_in_all() {
    struct statvfs found {};
    if (ask_file_system(at(), found) != 0) return last_error();
    return std::uint64_t{found.f_blocks} * found.f_frsize;
}

}  // namespace btfs
