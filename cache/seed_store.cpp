#include "cache/seed_store.hpp"

#include <cassert>

#include "engine/log/log.hpp"

namespace btfs {
namespace {

/// The path is the user's. A symlink at its end is followed, as it was when the file was hashed.
constexpr OpenHow kToSeed{.follow_links = true, .keep_access_time = true};

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
    : spec_(std::move(spec)),
      tree_(spec_.layout, files, kToSeed, FileTree::Watch::content),
      pool_(pool),
      had_(spec_.layout.piece_count(), true) {
    for (std::size_t i = 0; i < spec_.paths.size(); ++i)
        tree_.set_seen(i, std::make_shared<FileTree::Seen>(FileTree::Seen{spec_.paths[i], spec_.hashed[i]}));
}

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
    auto bytes = std::make_shared<Bytes>(range.size);
    const FileTree::Outcome outcome = tree_.read(wanted, *bytes);
    switch (outcome.state) {
        case FileTree::State::good:
            return ContentView{*bytes, bytes};
        case FileTree::State::failed:
            return Errc::storage_failed;
        case FileTree::State::changed:
        case FileTree::State::gone:
            break;
    }
    lose(range.piece, outcome.file);
    return Errc::storage_corrupt;
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

}  // namespace btfs
