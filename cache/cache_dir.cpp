#include "cache/cache_dir.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "cache/file_descriptor.hpp"
#include "cache/whole_file.hpp"

namespace btfs {
namespace {

constexpr std::size_t kMaxInfoSize = std::size_t{64} << 20;
constexpr std::size_t kMaxDhtTableSize = std::size_t{1} << 20;
constexpr std::size_t kMaxDownloadSize = std::size_t{64} << 20;

/// Tells this content from any other under the same name: the files' places and the pieces' hashes.
Sha1Digest fingerprint(const StoreSpec& spec) {
    Bytes description;
    ByteWriter out(description);
    out.text(spec.identity.cache_key()).u32(spec.layout.piece_length()).u32(spec.layout.piece_count());
    for (const FileExtent& file : spec.layout.files())
        out.u64(file.offset_in_torrent).u64(file.size).u8(file.pad ? 1 : 0);
    for (std::size_t i = 0; i < spec.hashes.size(); ++i) out.bytes(spec.hashes.v1(PieceIndex(i)).view());
    return sha1(description);
}

}  // namespace

BootId current_boot_id() {
    BootId id{};
    FileDescriptor file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
    char text[36];  // 8-4-4-4-12 hex digits
    if (!file || ::read(file.get(), text, sizeof text) != sizeof text) return id;
    std::string hex(text, sizeof text);
    std::erase(hex, '-');
    const std::string padded = hex + std::string(8, '0');
    if (auto digest = Sha1Digest::from_hex(padded)) std::copy_n(digest->bytes.begin(), id.size(), id.begin());
    return id;
}

Result<CacheDir> CacheDir::open(std::filesystem::path path, const BootId& boot_id) {
    std::error_code error;
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
    if (mkdir(path.c_str(), 0700) != 0 && !std::filesystem::is_directory(path, error))
        return Error(errno, boost::system::system_category());
    if (access(path.c_str(), R_OK | W_OK | X_OK) != 0) return Error(errno, boost::system::system_category());
    return CacheDir(std::move(path), boot_id);
}

Result<std::unique_ptr<TorrentStore>> CacheDir::open_torrent(StoreSpec spec, DiskPool& pool,
                                                             PieceMemory& memory) const {
    const std::string key = spec.identity.cache_key();
    const ClaimsShape shape{spec.layout.piece_count(), spec.layout.piece_length(),
                            BlockCache::block_total(spec.layout), fingerprint(spec)};
    EarlierClaims earlier;
    auto claims = Claims::open(path_ / (key + ".claims"), shape, boot_id_, earlier);
    if (!claims) return claims.error();
    return std::make_unique<TorrentStore>(std::move(spec), path_ / (key + ".data"), std::move(*claims),
                                          earlier, pool, memory);
}

std::int64_t CacheDir::first_seen(const Identity& identity) const {
    struct statx status {};
    const std::filesystem::path sidecar = path_ / (identity.cache_key() + ".claims");
    if (statx(AT_FDCWD, sidecar.c_str(), 0, STATX_BTIME, &status) != 0) return 0;
    return (status.stx_mask & STATX_BTIME) != 0 ? status.stx_btime.tv_sec : 0;
}

Error CacheDir::keep_info(const Identity& identity, ByteView info) const {
    return write_whole(path_ / (identity.cache_key() + ".info"), info, 0600);
}

std::optional<Bytes> CacheDir::kept_info(const Identity& identity) const {
    auto info = read_whole(path_ / (identity.cache_key() + ".info"), kMaxInfoSize);
    if (!info || !identity.names(*info)) return std::nullopt;
    return std::move(*info);
}

Error CacheDir::keep_dht_table(ByteView table) const {
    return write_whole(path_ / "dht.nodes", table, 0600);
}

std::optional<Bytes> CacheDir::kept_dht_table() const {
    auto table = read_whole(path_ / "dht.nodes", kMaxDhtTableSize);
    if (!table) return std::nullopt;
    return std::move(*table);
}

Error CacheDir::keep_download(std::string_view url, ByteView content) const {
    return write_whole(download_path(url), content, 0600);
}

std::optional<Bytes> CacheDir::kept_download(std::string_view url) const {
    auto content = read_whole(download_path(url), kMaxDownloadSize);
    if (!content) return std::nullopt;
    return std::move(*content);
}

std::filesystem::path CacheDir::download_path(std::string_view url) const {
    return path_ / (sha1(as_bytes(url)).hex() + ".download");
}

}  // namespace btfs
