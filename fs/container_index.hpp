// Finds the index of a film or an archive from the bytes at its beginning or end.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/core/bytes.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// Of an index that is longer, so much of its beginning.
inline constexpr std::uint64_t kMaxIndexLength = std::uint64_t{16} << 20;
/// Length of an index whose beginning alone is known.
inline constexpr std::uint64_t kUnsizedIndexLength = std::uint64_t{512} << 10;

/// Returns the place of the index that programs read right after the beginning `head`, or at the first seek,
/// in a file of `size` bytes: the moov box behind the mdat of MP4 and MOV (ISO/IEC 14496-12), the Cues of
/// Matroska and WebM (RFC 9559), idx1 of AVI, the header of 7z. Nothing if the format is not known, if `head`
/// has the index, or if it does not tell. `head` is not trusted.
std::optional<ByteRange> container_index(ByteView head, std::uint64_t size);

/// So much of a file's end is enough for zip_directory(), if the archive has no long comment.
inline constexpr std::size_t kZipEnd = 4096;

/// Returns the place of a zip archive's central directory (APPNOTE.TXT, 4.3.12 to 4.3.16), which the last
/// bytes `tail` of a file of `size` bytes tell. Nothing if this is no such archive, or if `tail` has the
/// directory. `tail` is not trusted.
std::optional<ByteRange> zip_directory(ByteView tail, std::uint64_t size);

}  // namespace btfs
