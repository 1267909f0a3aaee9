#include "cache/cache_dir.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "cache/disk/linux_files.hpp"
#include "cache/disk/whole_file.hpp"
#include "cache/records/torrent_files.hpp"
#include "engine/log/log.hpp"

namespace btfs {
namespace {

constexpr const char* kDhtTableName = "dht.nodes";
/// Age from which a temporary file of write_whole() counts as left behind.
constexpr std::int64_t kOldPart_s = 24 * 60 * 60;

std::string info_name(const Identity& identity) {
    return torrent_file(identity.cache_key(), kInfoEnding);
}
std::string pins_name(const Identity& identity) {
    return torrent_file(identity.cache_key(), kPinsEnding);
}
std::string peers_name(const Identity& identity) {
    return torrent_file(identity.cache_key(), kPeersEnding);
}
std::string claims_name(const Identity& identity) {
    return torrent_file(identity.cache_key(), kClaimsEnding);
}
std::string download_name(std::string_view url) {
    return torrent_file(sha1(as_bytes(url)).hex(), kDownloadEnding);
}

/// Returns a hash of the files' places and the pieces' hashes: it differs for any other content of the same
/// name.
Sha1Digest fingerprint(const StoreSpec& spec) {
    Bytes description;
    ByteWriter out(description);
    out.text(spec.identity.cache_key()).u32(spec.layout.piece_length()).u32(spec.layout.piece_count());
    for (const FileExtent& file : spec.layout.files())
        out.u64(file.offset_in_torrent).u64(file.size).u8(file.pad ? 1 : 0);
    for (std::size_t i = 0; i < spec.hashes.size(); ++i) out.bytes(spec.hashes.v1(PieceIndex(i)).view());
    return sha1(description);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"  // Boost's base has a protected destructor, by design
class Category final : public boost::system::error_category {
  public:
    const char* name() const noexcept override { return "cache directory"; }
    std::string message(int value) const override {
        switch (static_cast<CacheDirErrc>(value)) {
            case CacheDirErrc::of_another_user:
                return "belongs to another user; choose another one with --cache-dir";
            case CacheDirErrc::open_to_all:
                return "can be written by every user; take that right away (chmod o-w), or choose another "
                       "one";
            case CacheDirErrc::bound_too_small:
                return "its pieces are too large for a cache of this size; give a larger --cache-size";
        }
        return "unknown error";
    }
};
#pragma GCC diagnostic pop

}  // namespace

Error make_error_code(CacheDirErrc e) noexcept {
    static const Category category;
    return {static_cast<int>(e), category};
}

BootId current_boot_id() {
    BootId id{};
    LinuxFiles files;
    auto file = files.open("/proc/sys/kernel/random/boot_id", {});
    std::array<char, 36> text;  // 8-4-4-4-12 hex digits
    if (!file || read_all(**file, 0, std::as_writable_bytes(std::span(text)))) return id;
    std::string hex(text.begin(), text.end());
    std::erase(hex, '-');
    const std::string padded = hex + std::string(8, '0');
    if (auto digest = Sha1Digest::from_hex(padded)) std::copy_n(digest->bytes.begin(), id.size(), id.begin());
    return id;
}

Result<CacheDir> CacheDir::open(const std::filesystem::path& path, const BootId& boot_id) {
    std::error_code error;
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return system_error(errno);
    auto files = LinuxFiles::open_folder(path);
    if (!files) return files.error();
    const Result<FileStatus> status = (*files)->folder_status();
    if (!status) return status.error();
    if (status->owner != geteuid()) return CacheDirErrc::of_another_user;
    if ((status->mode & S_IWOTH) != 0) return CacheDirErrc::open_to_all;
    if (access(path.c_str(), R_OK | W_OK | X_OK) != 0) return system_error(errno);
    CacheDir dir(std::shared_ptr<Files>(std::move(*files)), boot_id);
    dir.remove_old_parts();
    return dir;
}

/// Removes temporary files that were left behind. A file that cannot be removed only takes space; the next
/// mount tries again.
void CacheDir::remove_old_parts() const {
    const auto names = files_->list();
    if (!names) return;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::int64_t now_s = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    for (const std::string& name : *names) {
        if (!is_part(name)) continue;
        const Result<FileStatus> status = files_->status(name);
        if (status && status->modified.tv_sec < now_s - kOldPart_s) files_->remove(name);
    }
}

Result<std::unique_ptr<TorrentStore>> CacheDir::open_torrent(StoreSpec spec, DiskPool& pool,
                                                             PieceMemory& memory,
                                                             std::unique_ptr<AdoptedFiles> adopted) const {
    if (bound_ && !bound_->may_hold(spec.layout.piece_length())) return CacheDirErrc::bound_too_small;
    // Such pieces are written before they are complete, and cannot be taken back.
    if (bound_ && !bound_->frees_parts() && spec.layout.piece_length() > memory.large_pieces().spill_from &&
        spec.layout.total_size() > bound_->budget().limit())
        return CacheDirErrc::bound_too_small;
    const ClaimsShape shape{spec.layout.piece_count(), spec.layout.piece_length(),
                            BlockCache::block_total(spec.layout), fingerprint(spec)};
    std::optional<TorrentStore::Bound> part;
    if (bound_) {
        const auto earlier_use = bound_->closed().take_out(spec.identity.cache_key());
        if (!earlier_use) return Errc::storage_locked;
        part.emplace(
            TorrentStore::Bound{bound_->budget(), bound_->evictor(), bound_->closed(), *earlier_use});
        part->frees_parts = bound_->frees_parts();
        if (!files_->status(claims_name(spec.identity))) bound_->closed().will_write(shape.file_size());
    }
    EarlierClaims earlier;
    auto claims = Claims::open(*files_, claims_name(spec.identity), shape, boot_id_, earlier);
    if (!claims) {
        if (bound_) bound_->closed().put_back(spec.identity.cache_key());
        return claims.error();
    }
    if (part) part->pinned = pinned_pieces(spec.layout, kept_pins(spec.identity));
    auto store = std::make_unique<TorrentStore>(std::move(spec), files_, std::move(*claims), earlier, pool,
                                                memory, std::move(part), std::move(adopted));
    if (bound_) bound_->on_opened();
    return store;
}

Error CacheDir::probe_holes() const {
    constexpr const char* kName = "holes.probe";
    auto file = files_->open(kName, {.write = true, .create = true});
    if (!file) return {};
    const Bytes blocks(2 * kDiskBlock);
    Error error = write_all(**file, 0, blocks);
    if (!error) error = (*file)->punch({0, kDiskBlock});
    files_->remove(kName);
    // Other errors, as of a full disk, may pass, and say nothing of the file system.
    const bool unable = error == system_error(EOPNOTSUPP) || error == system_error(ENOSYS) ||
                        error == system_error(EINVAL) || error == system_error(ENODEV);
    return unable ? error : Error{};
}

Result<std::uint64_t> CacheDir::bytes_on_disk() const {
    const auto names = files_->list();
    if (!names) return names.error();
    std::uint64_t bytes = 0;
    for (const std::string& name : *names)
        if (const auto status = files_->status(name)) bytes += status->bytes_on_disk;
    return bytes;
}

std::int64_t CacheDir::first_seen(const Identity& identity) const {
    const Result<FileStatus> status = files_->status(claims_name(identity));
    return status ? status->born_s : 0;
}

Error CacheDir::keep(const std::string& name, ByteView content) const {
    if (bound_) bound_->closed().will_write(content.size());
    return write_whole(*files_, name, content, 0600);
}

std::optional<Bytes> CacheDir::kept(const std::string& name, std::size_t max_size) const {
    auto content = read_whole(*files_, name, max_size);
    if (!content) return std::nullopt;
    return std::move(*content);
}

Error CacheDir::doubt_claims(const Identity& identity) const {
    return Claims::doubt_all(*files_, claims_name(identity), boot_id_);
}

Error CacheDir::keep_info(const Identity& identity, ByteView info) const {
    return keep(info_name(identity), info);
}

std::optional<Bytes> CacheDir::kept_info(const Identity& identity) const {
    auto info = kept(info_name(identity), kMaxInfoSize);
    if (info && !identity.names(*info)) return std::nullopt;
    return info;
}

Error CacheDir::keep_pins(const Identity& identity, std::span<const FileRange> pins) const {
    const std::string name = pins_name(identity);
    if (!pins.empty()) return keep(name, encode_pins(pins));
    Error error = files_->remove(name);
    if (error == system_error(ENOENT)) return {};
    if (!error) error = files_->sync_folder_of(name);
    return error;
}

Pins CacheDir::kept_pins(const Identity& identity) const {
    const auto file = kept(pins_name(identity), kMaxPinsSize);
    if (!file) return {};
    auto pins = parse_pins(*file);
    if (!pins) log::warn("cache: the pins of {} are damaged, and lost", identity.cache_key());
    return pins.value_or(Pins{});
}

Error CacheDir::keep_peers(const Identity& identity, ByteView peers) const {
    if (const auto here = files_->status(claims_name(identity)); !here) return here.error();
    if (bound_) bound_->closed().will_write(peers.size());
    return write_whole_unsynced(*files_, peers_name(identity), peers, 0600);
}

std::optional<Bytes> CacheDir::kept_peers(const Identity& identity) const {
    return kept(peers_name(identity), kMaxPeersSize);
}

Error CacheDir::keep_dht_table(ByteView table) const {
    return keep(kDhtTableName, table);
}

std::optional<Bytes> CacheDir::kept_dht_table() const {
    return kept(kDhtTableName, kMaxDhtTableSize);
}

Error CacheDir::keep_download(std::string_view url, ByteView content) const {
    return keep(download_name(url), content);
}

std::optional<Bytes> CacheDir::kept_download(std::string_view url) const {
    return kept(download_name(url), kMaxDownloadSize);
}

}  // namespace btfs
