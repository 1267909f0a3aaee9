#include "cli/verified_clone.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "cache/disk/file_descriptor.hpp"
#include "cache/records/torrent_files.hpp"
#include "cli/cached_torrents.hpp"

namespace btfs::cli {
namespace {

/// Bytes that are read and hashed at a time: they stay in the processor's cache.
constexpr std::size_t kPart = 256 << 10;

std::optional<Sha1Digest> hash_of(int file, ByteRange range) {
    Sha1 hash;
    Bytes part(kPart);
    while (!range.empty()) {
        const ssize_t done = pread(file, part.data(), std::min<std::uint64_t>(part.size(), range.size()),
                                   static_cast<off_t>(range.begin));
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return std::nullopt;
        hash.update(ByteView(part).first(static_cast<std::size_t>(done)));
        range.begin += static_cast<std::uint64_t>(done);
    }
    return hash.finish();
}

}  // namespace

std::vector<ByteRange> clone_verified(int destination, const std::filesystem::path& cache_dir,
                                      const FileState& state, std::uint64_t size,
                                      const std::function<void(std::uint64_t)>& on_progress) {
    const std::uint64_t cloned = size / kDiskBlock * kDiskBlock;  // the last block may be shared with a file
    if (cloned == 0 || state.offset_in_torrent % kDiskBlock != 0) return {};
    const auto dir = CacheDir::open(cache_dir);
    if (!dir) return {};
    const Identity identity{Sha1Digest::from(std::as_bytes(std::span(state.info_hash))), {}};
    const std::string data = torrent_file(identity.cache_key(), kDataEnding);
    const FileDescriptor source(::open((cache_dir / data).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!source) return {};
    file_clone_range range{};
    range.src_fd = source.get();
    range.src_offset = state.offset_in_torrent;
    range.src_length = cloned;
    if (ioctl(destination, FICLONERANGE, &range) != 0) return {};

    const auto metainfo = kept_metainfo(*dir, identity);
    if (!metainfo || state.offset_in_torrent + size > metainfo->layout.total_size()) return {};
    const Layout& layout = metainfo->layout;
    const ByteRange clone{state.offset_in_torrent, state.offset_in_torrent + cloned};
    std::vector<ByteRange> right;
    for (PieceIndex piece = layout.piece_at(clone.begin); piece.value() < layout.piece_count();
         piece = piece.next()) {
        const ByteRange in_torrent = layout.piece_range(piece);
        if (in_torrent.begin < clone.begin) continue;
        if (in_torrent.end > clone.end) break;
        const ByteRange in_file{in_torrent.begin - clone.begin, in_torrent.end - clone.begin};
        if (hash_of(destination, in_file) != metainfo->hashes.v1(piece)) continue;
        on_progress(in_file.size());
        if (!right.empty() && right.back().end == in_file.begin) {
            right.back().end = in_file.end;
        } else {
            right.push_back(in_file);
        }
    }
    return right;
}

}  // namespace btfs::cli
