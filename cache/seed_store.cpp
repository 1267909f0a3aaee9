#include "cache/seed_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>

#include "cache/file_descriptor.hpp"
#include "engine/log/log.hpp"

namespace btfs {
namespace {

bool same_time(const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

Result<std::unique_ptr<SeedStore>> SeedStore::open(Spec spec, DiskPool& pool) {
    assert(spec.paths.size() == spec.layout.files().size());
    std::vector<Seen> seen;
    for (std::size_t i = 0; i < spec.paths.size(); ++i) {
        Seen& file = seen.emplace_back();
        if (spec.layout.files()[i].pad) continue;
        struct stat status {};
        if (stat(spec.paths[i].c_str(), &status) != 0) return Error(errno, boost::system::system_category());
        if (!S_ISREG(status.st_mode) ||
            static_cast<std::uint64_t>(status.st_size) != spec.layout.files()[i].size)
            return Errc::storage_corrupt;
        file = {status.st_dev, status.st_ino, status.st_mtim};
    }
    return std::unique_ptr<SeedStore>(new SeedStore(std::move(spec), std::move(seen), pool));
}

SeedStore::SeedStore(Spec spec, std::vector<Seen> seen, DiskPool& pool)
    : spec_(std::move(spec)), seen_(std::move(seen)), pool_(pool), had_(spec_.layout.piece_count(), true) {}

SeedStore::~SeedStore() {
    detach();
    jobs_.wait_until_unused();
}

void SeedStore::read(ReadTicket ticket, BlockRef range) {
    Task job([token = jobs_.use(), this, ticket, range] { read_now(ticket, range); });
    if (!pool_.submit(DiskWork::read, job)) pool_.submit_always(DiskWork::write, std::move(job));
}

void SeedStore::read_now(ReadTicket ticket, BlockRef range) {
    Result<ContentView> found = content(range);
    events_.send([&](StorageEvents& events) { events.on_read(ticket, std::move(found)); });
}

Result<ContentView> SeedStore::content(BlockRef range) {
    if (is_lost(range.piece)) return Errc::storage_failed;
    const Layout& layout = spec_.layout;
    const std::uint64_t begin = layout.piece_offset_in_torrent(range.piece) + range.offset_in_piece;
    const ByteRange wanted{begin, begin + range.size};
    auto bytes = std::make_shared<Bytes>(range.size);  // zeros, as pad files want them
    const auto files = layout.files();
    for (std::size_t i = layout.file_at(begin).value(); i < files.size(); ++i) {
        if (files[i].offset_in_torrent >= wanted.end) break;
        const ByteRange part = files[i].range().intersection(wanted);
        if (files[i].pad || part.empty()) continue;
        const std::span<std::byte> out = std::span(*bytes).subspan(part.begin - begin, part.size());
        if (read_file(i, part.begin - files[i].offset_in_torrent, out)) continue;
        lose(range.piece, i);
        return Errc::storage_failed;
    }
    return ContentView{*bytes, bytes};
}

Bitfield SeedStore::available() const {
    std::lock_guard lock(mutex_);
    return had_;
}

bool SeedStore::is_lost(PieceIndex piece) const {
    std::lock_guard lock(mutex_);
    return !had_.test(piece);
}

void SeedStore::lose(PieceIndex piece, std::size_t changed_file) {
    {
        std::lock_guard lock(mutex_);
        if (!had_.clear(piece)) return;
    }
    log::warn("seed: {} has changed or cannot be read; piece {} is no longer offered",
              spec_.paths[changed_file].string(), piece.value());
    events_.send([&](StorageEvents& events) { events.on_lost(piece); });
}

bool SeedStore::read_file(std::size_t file, std::uint64_t offset_in_file, std::span<std::byte> out) const {
    const FileDescriptor fd(::open(spec_.paths[file].c_str(), O_RDONLY | O_CLOEXEC | O_NOATIME));
    // O_NOATIME is the owner's privilege.
    const FileDescriptor plain(fd ? -1 : ::open(spec_.paths[file].c_str(), O_RDONLY | O_CLOEXEC));
    const int from = fd ? fd.get() : plain.get();
    while (!out.empty()) {
        const ssize_t n = pread(from, out.data(), out.size(), static_cast<off_t>(offset_in_file));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        offset_in_file += static_cast<std::uint64_t>(n);
        out = out.subspan(static_cast<std::size_t>(n));
    }
    // Asked after the read: what was read is older than any change not yet seen here.
    struct stat status {};
    const Seen& seen = seen_[file];
    return fstat(from, &status) == 0 &&
           static_cast<std::uint64_t>(status.st_size) == spec_.layout.files()[file].size &&
           status.st_dev == seen.device && status.st_ino == seen.inode &&
           same_time(status.st_mtim, seen.modified);
}

}  // namespace btfs
