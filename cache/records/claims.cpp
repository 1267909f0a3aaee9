#include "cache/records/claims.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "cache/disk/data_file.hpp"

namespace btfs {
namespace {

constexpr std::string_view kMagic = "btfsclm1";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kCleanFlag = 1;
constexpr std::size_t kDigestOffset = kClaimsHeaderSize - Sha1Digest::kSize;
/// Limits a bitmap to 2^32 blocks. No real torrent comes near.
constexpr std::uint64_t kMaxBlocks = std::uint64_t{1} << 32;

Bytes header(const ClaimsShape& shape, const BootId& boot_id, bool clean) {
    Bytes out;
    ByteWriter(out)
        .text(kMagic)
        .u32(kVersion)
        .u32(clean ? kCleanFlag : 0)
        .bytes(boot_id)
        .u32(shape.piece_count)
        .u32(shape.piece_length)
        .u64(shape.block_count)
        .bytes(shape.fingerprint.view());
    out.resize(kDigestOffset);
    const Sha1Digest digest = sha1(out);
    ByteWriter(out).bytes(digest.view());
    return out;
}

}  // namespace

std::optional<ClaimsHeader> parse_claims_header(ByteView file) {
    if (file.size() < kClaimsHeaderSize) return std::nullopt;
    if (sha1(file.first(kDigestOffset)) != Sha1Digest::from(file.subspan(kDigestOffset))) return std::nullopt;
    ByteReader in(file);
    if (as_text(in.take(kMagic.size())) != kMagic || in.u32() != kVersion) return std::nullopt;
    ClaimsHeader header;
    header.clean = (in.u32() & kCleanFlag) != 0;
    std::ranges::copy(in.take(header.boot_id.size()), header.boot_id.begin());
    header.shape.piece_count = in.u32();
    header.shape.piece_length = in.u32();
    header.shape.block_count = in.u64();
    header.shape.fingerprint = Sha1Digest::from(in.take(Sha1Digest::kSize));
    if (header.shape.block_count > kMaxBlocks) return std::nullopt;
    return header;
}

std::optional<ParsedClaims> parse_claims(ByteView file, const ClaimsShape& shape) {
    const auto found = parse_claims_header(file);
    if (!found || found->shape != shape || file.size() != shape.file_size()) return std::nullopt;
    ParsedClaims claims{found->clean, found->boot_id, {}, {}};
    claims.stored = file.subspan(kClaimsHeaderSize, shape.bitmap_size());
    claims.doubtful = file.subspan(kClaimsHeaderSize + shape.bitmap_size());
    return claims;
}

Error Claims::doubt_all(Files& files, const std::string& name, const BootId& boot_id) {
    ClaimsHeader header;
    {
        auto file = files.open(name, {});
        if (!file) return file.error();
        std::array<std::byte, kClaimsHeaderSize> bytes{};
        const Error error = read_all(**file, 0, bytes);
        if (error == Errc::storage_corrupt) return {};  // shorter than a header
        if (error) return error;
        const auto found = parse_claims_header(bytes);
        if (!found) return {};
        header = *found;
    }
    EarlierClaims earlier;
    auto claims = open(files, name, header.shape, boot_id, earlier);
    if (!claims) return claims.error();
    BlockBitmap stored(header.shape.block_count);
    for (std::size_t i = 0; i < earlier.stored.size() * 8 && i < stored.size(); ++i)
        if ((std::to_integer<unsigned>(earlier.stored[i / 8]) >> i % 8 & 1) != 0) stored.assign(i, 1, true);
    const Error error = (*claims)->save_doubts(stored, stored);
    (*claims)->set_last_use((*claims)->last_use());
    return error;
}

Result<std::unique_ptr<Claims>> Claims::open(Files& files, const std::string& name, const ClaimsShape& shape,
                                             const BootId& boot_id, EarlierClaims& earlier) {
    // The process that held the lock before may have removed the file. Then our lock is on a file without a
    // name, so try again.
    for (;;) {
        auto file = files.open(name, {.write = true, .create = true});
        if (!file) return file.error();
        if (const Error error = (*file)->try_lock())
            return error == system_error(EWOULDBLOCK) ? make_error_code(Errc::storage_locked) : error;
        const Error moved = check_still_at(**file, files, name);
        if (moved == system_error(ENOENT)) continue;
        if (moved) return moved;
        std::unique_ptr<Claims> claims(new Claims(std::move(*file), shape, boot_id));
        if (const Error error = claims->load(earlier)) return error;
        return claims;
    }
}

/// Reads the claims on file. Returns an error only if it may be temporary: then the file must not be
/// overwritten.
Error Claims::load(EarlierClaims& earlier) {
    const Result<FileStatus> status = file_->status();
    if (!status) return status.error();
    last_use_ = status->modified.tv_sec;
    if (status->size != shape_.file_size()) return {};
    Bytes file(static_cast<std::size_t>(status->size));
    if (const Error error = read_all(*file_, 0, file))
        return read_error(error) == Errc::storage_corrupt ? Error{} : error;
    const std::optional<ParsedClaims> found = parse_claims(file, shape_);
    if (!found) return {};

    const bool this_boot = found->boot_id == boot_id_ && boot_id_ != BootId{};
    earlier.stored.assign(found->stored.begin(), found->stored.end());
    const ByteView doubtful = found->clean || this_boot ? found->doubtful : found->stored;
    earlier.doubtful.assign(doubtful.begin(), doubtful.end());
    doubts_on_file_ = std::ranges::any_of(doubtful, [](std::byte b) { return b != std::byte{}; });
    on_file_ = found->clean ? OnFile::clean : this_boot ? OnFile::dirty_this_boot : OnFile::dirty_other_boot;
    return {};
}

Error Claims::save(std::size_t first, std::size_t count, const BlockBitmap& stored,
                   const BlockBitmap& doubtful) {
    std::lock_guard lock(mutex_);
    Error error = begin_writing(stored, doubtful);
    if (incomplete_) first = 0, count = shape_.block_count;
    if (!error) error = write_bitmaps(first, count, stored, doubtful);
    incomplete_ = bool(error);
    return error;
}

bool Claims::complete() const {
    std::lock_guard lock(mutex_);
    return !incomplete_;
}

bool Claims::clean() const {
    std::lock_guard lock(mutex_);
    return on_file_ == OnFile::nothing || on_file_ == OnFile::clean;
}

Error Claims::mark_clean(const BlockBitmap& stored, const BlockBitmap& doubtful) {
    std::lock_guard lock(mutex_);
    if (on_file_ == OnFile::nothing || on_file_ == OnFile::clean) return {};
    Error error;
    if (on_file_ == OnFile::dirty_other_boot) error = begin_writing(stored, doubtful);
    // Writes the whole bitmaps: a change may not have been written, or a failed sync may have lost it.
    if (!error) error = write_bitmaps(0, shape_.block_count, stored, doubtful);
    // The clean mark must not reach the disk before the bitmaps that it vouches for.
    if (!error) error = sync();
    if (!error) error = write_header(true);
    if (!error) error = sync();
    if (!error) on_file_ = OnFile::clean;
    return error;
}

Error Claims::save_doubts(const BlockBitmap& stored, const BlockBitmap& doubtful) {
    std::lock_guard lock(mutex_);
    if (on_file_ == OnFile::nothing) return {};
    doubts_on_file_ = true;
    Error error = begin_writing(stored, doubtful);
    if (!error) error = write_bitmaps(0, shape_.block_count, stored, doubtful);
    if (!error) error = sync();
    return error;
}

/// A time that the disk does not take is told again later, or is a little old.
void Claims::set_last_use(std::int64_t seconds) {
    [[maybe_unused]] const Error error = file_->set_modified(seconds);
}

Error Claims::begin_writing(const BlockBitmap& stored, const BlockBitmap& doubtful) {
    if (on_file_ == OnFile::dirty_this_boot) return {};
    Error error;
    if (on_file_ == OnFile::nothing) {
        // The file holds no claims of this torrent. Zeros are not a valid header, so it stays invalid until
        // this function ends.
        error = file_->truncate(0);
        if (!error) error = file_->truncate(shape_.file_size());
        if (error) return write_error(error);
    }
    if (on_file_ == OnFile::dirty_other_boot) {
        // The header keeps the earlier boot's id until the doubts about that boot's blocks are on the disk.
        error = write_bitmaps(0, shape_.block_count, stored, doubtful);
        if (!error) error = sync();
    }
    if (!error) error = write_header(false);
    if (!error) error = sync();
    if (!error) on_file_ = OnFile::dirty_this_boot;
    return error;
}

Error Claims::write_bitmaps(std::size_t first, std::size_t count, const BlockBitmap& stored,
                            const BlockBitmap& doubtful) {
    if (count == 0) return {};
    const std::size_t begin = first / 8, end = (first + count - 1) / 8 + 1;
    Bytes bytes(end - begin);
    std::uint64_t offset = kClaimsHeaderSize + begin;
    for (const BlockBitmap* bitmap : {&doubtful, &stored}) {
        if (bitmap == &doubtful && !doubts_on_file_) continue;
        for (std::size_t i = begin; i < end; ++i) bytes[i - begin] = bitmap->byte(i);
        const std::uint64_t base = bitmap == &doubtful ? shape_.bitmap_size() : 0;
        if (Error error = write_at(offset + base, bytes)) return error;
    }
    return {};
}

Error Claims::write_header(bool clean) {
    return write_at(0, header(shape_, boot_id_, clean));
}

Error Claims::write_at(std::uint64_t offset, ByteView bytes) {
    const Error error = write_all(*file_, offset, bytes);
    return error ? write_error(error) : Error{};
}

Error Claims::sync() {
    const Error error = file_->sync();
    return error ? write_error(error) : Error{};
}

}  // namespace btfs
