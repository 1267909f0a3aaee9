// Sidecar file that remembers between runs which blocks the data file holds. Format: cache/README.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cache/disk/files.hpp"
#include "cache/records/block_bitmap.hpp"
#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/hash.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// Names one boot of this machine; all zeros if that is not known.
using BootId = std::array<std::byte, 16>;

/// Bytes of a sidecar before its bitmaps.
inline constexpr std::size_t kClaimsHeaderSize = 128;

/// Numbers that a sidecar must agree with to be this torrent's.
struct ClaimsShape {
    std::uint32_t piece_count = 0;
    std::uint32_t piece_length = 0;
    std::uint64_t block_count = 0;
    Sha1Digest fingerprint;  ///< of the torrent's layout and hashes

    std::uint64_t bitmap_size() const { return units_for(block_count, 8); }
    std::uint64_t file_size() const { return kClaimsHeaderSize + 2 * bitmap_size(); }
    bool operator==(const ClaimsShape&) const = default;
};

/// Header of a sidecar.
struct ClaimsHeader {
    ClaimsShape shape;
    bool clean = false;  ///< all that is stored was synced
    BootId boot_id{};
};

/// Reads the header of any torrent's sidecar; nothing if it is damaged, cut short, or of another version.
/// `file` may go on behind it.
std::optional<ClaimsHeader> parse_claims_header(ByteView file);

/// Bitmaps have a bit for each block, the lowest bit of the first byte first. `stored`: in the data file.
/// `doubtful`: of those, the ones that a power loss may have taken.
struct ParsedClaims {
    bool clean = false;  ///< all that is stored was synced
    BootId boot_id{};
    ByteView stored;
    ByteView doubtful;
};

/// Reads a sidecar; nothing if it is damaged, cut short, of another version or of another torrent.
std::optional<ParsedClaims> parse_claims(ByteView file, const ClaimsShape& shape);

/// Bitmaps that an earlier run left behind.
struct EarlierClaims {
    Bytes stored;  ///< empty: nothing
    Bytes doubtful;
};

/// Owns the sidecar and the lock that keeps other processes away. Every change is one small write of the
/// changed bytes, made after the data was written and never synced: a claim is a hint, proven by its first
/// use. Only the first change of a run is synced, so that no claim of this run can be found beside the
/// clean mark of the last. Called from any thread; may wait for the disk.
class Claims {
  public:
    /// storage_locked if another process, or this one, has it open; a system error if it cannot be opened or
    /// read at this moment. One that is damaged claims nothing. `files` outlives this.
    static Result<std::unique_ptr<Claims>> open(Files& files, const std::string& name,
                                                const ClaimsShape& shape, const BootId& boot_id,
                                                EarlierClaims& earlier);

    /// Makes all that a sidecar claims doubtful, on file, whatever torrent it is of. As open(); a sidecar
    /// that claims nothing is left as it is.
    static Error doubt_all(Files& files, const std::string& name, const BootId& boot_id);

    /// Writes what the bitmaps say at this moment about blocks [first, first + count). Concurrent calls end
    /// with the newest state on file.
    Error save(std::size_t first, std::size_t count, const BlockBitmap& stored, const BlockBitmap& doubtful);
    /// Says that all stored data was synced before this call.
    Error mark_clean(const BlockBitmap& stored, const BlockBitmap& doubtful);
    /// Writes both bitmaps whole, after blocks have become doubtful within this run.
    Error save_doubts(const BlockBitmap& stored, const BlockBitmap& doubtful);
    /// False: a change could not be written; the next save() tries all of it again.
    bool complete() const;
    /// True if mark_clean() has nothing to say: the file is clean, or holds nothing.
    bool clean() const;

    // The file's time of change is when the torrent's content was used last, in seconds since 1970.

    /// Returns what it was at opening. 0: the disk did not tell.
    std::int64_t last_use() const { return last_use_; }
    void set_last_use(std::int64_t seconds);

  private:
    enum class OnFile { nothing, clean, dirty_this_boot, dirty_other_boot };

    Claims(std::unique_ptr<File> file, const ClaimsShape& shape, const BootId& boot_id)
        : file_(std::move(file)), shape_(shape), boot_id_(boot_id) {}

    Error load(EarlierClaims& earlier);
    Error begin_writing(const BlockBitmap& stored, const BlockBitmap& doubtful);
    Error write_bitmaps(std::size_t first, std::size_t count, const BlockBitmap& stored,
                        const BlockBitmap& doubtful);
    Error write_header(bool clean);
    Error write_at(std::uint64_t offset, ByteView bytes);
    Error sync();

    const std::unique_ptr<File> file_;  // locked as long as it is open
    const ClaimsShape shape_;
    const BootId boot_id_;
    std::int64_t last_use_ = 0;

    mutable std::mutex mutex_;  // held while writing: a file's changes are made one after another
    OnFile on_file_ = OnFile::nothing;
    bool doubts_on_file_ = false;  ///< or to be put there
    bool incomplete_ = false;      ///< a change could not be written
};

}  // namespace btfs
