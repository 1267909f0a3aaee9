#include "cache/data_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

namespace btfs {
namespace {

constexpr off_t kSyncPart = 8 << 20;
/// The kernel takes memory for its pages in the size of a write, and finds pieces of this size among what was
/// in use before. Larger ones it makes of memory that nobody has touched yet, which costs ten times as much.
constexpr std::size_t kWriteSize = 64 * 1024;

}  // namespace

Error storage_error(int error_number) {
    switch (error_number) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return Errc::storage_full;
        default:
            return Errc::storage_failed;
    }
}

int DataFile::descriptor() {
    if (const int fd = fd_.load(std::memory_order_acquire); fd >= 0) return fd;
    std::lock_guard lock(opening_);
    if (!file_) {
        file_ = FileDescriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (file_) fd_.store(file_.get(), std::memory_order_release);
    }
    return file_.get();
}

bool DataFile::read_cached(std::uint64_t offset_in_torrent, std::span<std::byte> out) {
    const int fd = descriptor();
    if (fd < 0) return false;
    while (!out.empty()) {
        const iovec target{out.data(), out.size()};
        const ssize_t n = preadv2(fd, &target, 1, static_cast<off_t>(offset_in_torrent), RWF_NOWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        offset_in_torrent += static_cast<std::uint64_t>(n);
        out = out.subspan(static_cast<std::size_t>(n));
    }
    return true;
}

Error DataFile::read(std::uint64_t offset_in_torrent, std::span<std::byte> out) {
    const int fd = descriptor();
    if (fd < 0) return storage_error(errno);
    while (!out.empty()) {
        const ssize_t n = pread(fd, out.data(), out.size(), static_cast<off_t>(offset_in_torrent));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return storage_error(errno);
        if (n == 0) return Errc::storage_corrupt;
        offset_in_torrent += static_cast<std::uint64_t>(n);
        out = out.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

Error DataFile::write(std::uint64_t offset_in_torrent, ByteView bytes) {
    const int fd = descriptor();
    if (fd < 0) return storage_error(errno);
    while (!bytes.empty()) {
        const std::size_t size = std::min(bytes.size(), kWriteSize);
        const ssize_t n = pwrite(fd, bytes.data(), size, static_cast<off_t>(offset_in_torrent));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return storage_error(n < 0 ? errno : EIO);
        offset_in_torrent += static_cast<std::uint64_t>(n);
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

Error DataFile::punch(ByteRange range) {
    const int fd = descriptor();
    if (fd < 0) return storage_error(errno);
    if (range.empty()) return {};
    const int result = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                 static_cast<off_t>(range.begin), static_cast<off_t>(range.size()));
    return result == 0 ? Error{} : storage_error(errno);
}

void DataFile::will_need(ByteRange range) {
    const int fd = descriptor();
    if (fd >= 0 && !range.empty())
        posix_fadvise(fd, static_cast<off_t>(range.begin), static_cast<off_t>(range.size()),
                      POSIX_FADV_WILLNEED);
}

Error DataFile::sync(TimePoint deadline) {
    const int fd = descriptor();
    struct stat about {};
    if (fd < 0 || fstat(fd, &about) != 0) return storage_error(errno);
    // fdatasync() alone would wait for all that is unwritten, which may be gigabytes.
    constexpr unsigned kPartByPart =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    for (off_t offset = 0; offset < about.st_size; offset += kSyncPart) {
        if (Clock::now() >= deadline) return Errc::timed_out;
        if (sync_file_range(fd, offset, kSyncPart, kPartByPart) != 0)
            break;  // fdatasync() tells what is wrong
    }
    return fdatasync(fd) == 0 ? Error{} : storage_error(errno);
}

}  // namespace btfs
