// Content of a torrent file (BEP 3, BEP 12, BEP 47; of BEP 52 the hybrids, through their v1 part), and its
// parser.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/file_list.hpp"
#include "engine/core/host_port.hpp"
#include "engine/core/identity.hpp"
#include "engine/core/layout.hpp"
#include "engine/core/piece_hashes.hpp"

namespace btfs {

// Limits of a torrent: beyond these it is refused.
inline constexpr std::size_t kMaxTorrentFileSize = std::size_t{64} << 20;
inline constexpr std::uint32_t kMaxPieceLength = std::uint32_t{512} << 20;
inline constexpr std::size_t kMaxFiles = 1'000'000;
/// Values and keys of the whole text, each of which takes 16 bytes while it is parsed. A file has six, and
/// one more for each folder: enough for kMaxFiles.
inline constexpr std::uint32_t kMaxTorrentValues = 8 << 20;
/// Each piece costs some bytes for the torrent and a bit for each peer.
inline constexpr std::uint64_t kMaxPieces = 1 << 21;
/// Pieces times blocks in a whole piece (64 TiB of content), the places in the cache's bitmaps.
inline constexpr std::uint64_t kMaxBlocks = std::uint64_t{1} << 32;
// Beyond these the rest is left out.
inline constexpr std::size_t kMaxTrackers = 500;
inline constexpr std::size_t kMaxUrlSize = 4096;
inline constexpr std::size_t kMaxDhtNodes = 100;

/// All that is known of a torrent before any of its content. A value: safe to use as it is, every size and
/// name in it was checked. `layout` and `files` have one entry for each file, in the same order.
struct Metainfo {
    Identity identity;
    std::string name;  ///< one safe name: the file, or the folder of a torrent of many files
    Layout layout;
    FileList files;
    PieceHashes hashes;

    std::vector<std::vector<std::string>> trackers;  ///< in tiers (BEP 12), as written: not all are URLs
    std::vector<HostPort> dht_nodes;                 ///< BEP 5; hosts may be names
    std::vector<std::string> web_seeds;              ///< BEP 19, as written
    std::vector<std::string> http_seeds;             ///< BEP 17, as written
    bool is_private = false;                         ///< BEP 27
    std::optional<std::int64_t> creation_date;  ///< seconds since 1970, as it was said, clamped to 64 bits
    std::string comment;
    std::string created_by;
    std::string source;  ///< of the info dictionary: private trackers tell their torrents from others' by it

    /// The info dictionary as it was read, to be sent to peers (BEP 9). Shared because peers are sent parts
    /// of it while the torrent may be going.
    std::shared_ptr<const Bytes> info_bytes;
};

/// Reads a torrent file, and ignores bytes behind its dictionary. Names, links, and values that neither the
/// info-hash nor the layout depends on never make it fail. Names that are not UTF-8 are converted from the
/// encoding that the torrent names; without one, each wrong byte becomes U+FFFD. Errors: those of bencode.hpp
/// and torrent_*.
Result<Metainfo> parse_torrent(ByteView torrent);

/// Reads a bare info dictionary, which names no trackers and no encoding. Nothing may follow it. The caller
/// that fetched it compares `identity` (BEP 9).
Result<Metainfo> parse_info(ByteView info);

}  // namespace btfs
