#include "cache/disk/data_file.hpp"

#include <algorithm>
#include <cerrno>

namespace btfs {
namespace {

constexpr std::uint64_t kSyncPart = 8 << 20;
/// Bytes of one write call. The kernel allocates page cache in folios of the size of a write. It finds folios
/// of this size among recently freed memory, but larger ones only in memory not touched before, which costs
/// ten times as much.
constexpr std::size_t kWriteSize = 64 * 1024;

}  // namespace

Error write_error(const Error& system) {
    switch (system.value()) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return Errc::storage_full;
        default:
            return Errc::storage_failed;
    }
}

Error read_error(const Error& system) {
    if (system == Errc::storage_corrupt) return system;
    switch (system.value()) {
        case EIO:      // the disk
        case EBADMSG:  // the file system: a checksum does not hold
        case EUCLEAN:  // the file system: its structure is damaged
            return Errc::storage_corrupt;
        default:
            return Errc::storage_failed;
    }
}

Result<File*> DataFile::file() {
    if (File* ready = ready_.load(std::memory_order_acquire)) return ready;
    std::lock_guard lock(opening_);
    if (!opened_) {
        auto opened = files_->open(name_, {.write = true, .create = true});
        if (!opened) return opened.error();
        opened_ = std::move(*opened);
        // If it fails the file grows with what is written.
        if (size_if_new_ > 0) [[maybe_unused]]
            const Error grows = opened_->truncate(size_if_new_);
        ready_.store(opened_.get(), std::memory_order_release);
    }
    return opened_.get();
}

bool DataFile::read_cached(std::uint64_t offset_in_torrent, std::span<std::byte> out) {
    const Result<File*> opened = file();
    if (!opened) return false;
    while (!out.empty()) {
        const Result<std::size_t> done = (*opened)->read_cached(offset_in_torrent, out);
        if (!done || *done == 0) return false;
        offset_in_torrent += *done;
        out = out.subspan(*done);
    }
    return true;
}

Error DataFile::read(std::uint64_t offset_in_torrent, std::span<std::byte> out) {
    const Result<File*> opened = file();
    // An error of opening says nothing about the content.
    if (!opened) return Errc::storage_failed;
    const Error error = read_all(**opened, offset_in_torrent, out);
    return error ? read_error(error) : Error{};
}

Error DataFile::write(std::uint64_t offset_in_torrent, ByteView bytes) {
    const Result<File*> opened = file();
    std::shared_lock no_neighbour_is_freed(shared_blocks_);
    const Error error = opened ? write_all(**opened, offset_in_torrent, bytes, kWriteSize) : opened.error();
    return error ? write_error(error) : Error{};
}

Error DataFile::punch(ByteRange range) {
    const Result<File*> opened = file();
    const Error error = opened ? (*opened)->punch(range) : opened.error();
    return error ? write_error(error) : Error{};
}

Error DataFile::free_blocks(ByteRange range, const std::function<bool(ByteRange)>& is_unused) {
    const auto down = [](std::uint64_t offset) { return offset / kDiskBlock * kDiskBlock; };
    const ByteRange whole{down(range.begin), down(range.end + kDiskBlock - 1)};
    std::unique_lock<std::shared_mutex> nothing_is_written;
    if (whole != range) nothing_is_written = std::unique_lock(shared_blocks_);
    if (whole.begin < range.begin && is_unused({whole.begin, range.begin})) range.begin = whole.begin;
    if (range.end < whole.end && is_unused({range.end, whole.end})) range.end = whole.end;
    return punch(range);
}

void DataFile::will_need(ByteRange range) {
    const Result<File*> opened = file();
    if (opened && !range.empty()) (*opened)->will_need(range);
}

Result<int> DataFile::descriptor_of(std::uint64_t size) {
    const Result<File*> opened = file();
    if (!opened) return opened.error();
    const Result<FileStatus> status = (*opened)->status();
    if (!status || status->size != size) return Errc::storage_failed;
    return (*opened)->descriptor();
}

OpenElsewhere DataFile::open_elsewhere() {
    const Result<File*> opened = file();
    return opened ? (*opened)->open_elsewhere() : OpenElsewhere::unknown;
}

DataFile::Synced DataFile::sync(TimePoint deadline) {
    const Result<File*> opened = file();
    if (!opened) return Synced::unfinished;
    const Result<FileStatus> status = (*opened)->status();
    if (!status) return Synced::unfinished;
    // Writes out in parts, so that the deadline is checked: sync() alone would wait for all dirty pages,
    // maybe gigabytes.
    for (std::uint64_t offset = 0; offset < status->size; offset += kSyncPart) {
        if (Clock::now() >= deadline) return Synced::unfinished;
        const Error error = (*opened)->write_out({offset, offset + kSyncPart});
        if (error == system_error(EINVAL) || error == system_error(ENOSYS)) break;  // not on this file system
        // The kernel reports a failed write only once: a sync() after this might succeed.
        if (error) return Synced::failed;
    }
    if (Clock::now() >= deadline) return Synced::unfinished;
    if ((*opened)->sync()) return Synced::failed;
    return files_->sync_folder_of(name_) ? Synced::unfinished : Synced::done;
}

}  // namespace btfs
