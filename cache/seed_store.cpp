#include "cache/seed_store.hpp"

#include <cassert>
#include <cerrno>

#include "cache/data_file.hpp"
#include "engine/log/log.hpp"

namespace btfs {
namespace {

/// The path is the user's. A symlink at its end is followed, as it was when the file was hashed.
constexpr OpenHow kToSeed{.follow_links = true, .keep_access_time = true};

/// Returns true if the file has gone, or if its name belongs to something that is not a regular file.
bool says_gone(const Error& error) {
    const int number = error.value();
    return number == ENOENT || number == ENOTDIR || number == EISDIR || number == EINVAL || number == ELOOP;
}

}  // namespace

Result<std::unique_ptr<SeedStore>> SeedStore::open(Spec spec, Files& files, DiskPool& pool) {
    assert(spec.paths.size() == spec.layout.files().size());
    const bool hashed_before = !spec.hashed.empty();
    assert(!hashed_before || spec.hashed.size() == spec.paths.size());
    spec.hashed.resize(spec.paths.size());
    for (std::size_t i = 0; i < spec.paths.size(); ++i) {
        if (spec.layout.files()[i].pad) continue;
        auto file = files.open(spec.paths[i], kToSeed);
        if (!file) return says_gone(file.error()) ? make_error_code(Errc::storage_corrupt) : file.error();
        const Result<FileStatus> status = (*file)->status();
        if (!status) return status.error();
        if (status->size != spec.layout.files()[i].size) return Errc::storage_corrupt;
        if (hashed_before && !status->unchanged_since(spec.hashed[i])) return Errc::storage_corrupt;
        spec.hashed[i] = *status;
    }
    return std::unique_ptr<SeedStore>(new SeedStore(std::move(spec), files, pool));
}

SeedStore::SeedStore(Spec spec, Files& files, DiskPool& pool)
    : spec_(std::move(spec)), files_(files), pool_(pool), had_(spec_.layout.piece_count(), true) {}

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
    auto bytes = std::make_shared<Bytes>(range.size);  // zeros, the content of pad files
    const auto files = layout.files();
    for (std::size_t i = layout.file_at(begin).value(); i < files.size(); ++i) {
        if (files[i].offset_in_torrent >= wanted.end) break;
        const ByteRange part = files[i].range().intersection(wanted);
        if (files[i].pad || part.empty()) continue;
        const std::span<std::byte> out = std::span(*bytes).subspan(part.begin - begin, part.size());
        const Error error = read_file(i, part.begin - files[i].offset_in_torrent, out);
        if (error == Errc::storage_corrupt) lose(range.piece, i);
        if (error) return error;
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
    log::warn("seed: {} has changed or is damaged; piece {} is no longer offered",
              spec_.paths[changed_file].string(), piece.value());
    events_.send([&](StorageEvents& events) { events.on_lost(piece); });
}

/// Reads part of a file. Returns storage_corrupt if the file has changed or is damaged, storage_failed if the
/// error may be temporary.
Error SeedStore::read_file(std::size_t file, std::uint64_t offset_in_file, std::span<std::byte> out) const {
    auto opened = files_.open(spec_.paths[file], kToSeed);
    if (!opened) return says_gone(opened.error()) ? Errc::storage_corrupt : Errc::storage_failed;
    if (const Error error = read_all(**opened, offset_in_file, out)) return read_error(error);
    // Checks the status after the read, so that any change before the read is seen.
    const Result<FileStatus> status = (*opened)->status();
    if (!status) return Errc::storage_failed;
    return status->unchanged_since(spec_.hashed[file]) ? Error{} : make_error_code(Errc::storage_corrupt);
}

}  // namespace btfs
