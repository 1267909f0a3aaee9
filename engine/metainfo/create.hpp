// Making a torrent (v1): which piece length, the hashes of the pieces, the torrent file's bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/hash.hpp"

namespace btfs {

inline constexpr std::uint32_t kMinCreatedPieceLength = 16 * 1024;
inline constexpr std::uint32_t kMaxCreatedPieceLength = std::uint32_t{16} << 20;

/// A power of two that gives about 1000 to 2000 pieces, as far as the two limits above let it.
std::uint32_t choose_piece_length(std::uint64_t total_size);

/// The hashes of a torrent's pieces, from its bytes in order: all files one behind the other.
class PieceHasher {
  public:
    explicit PieceHasher(std::uint32_t piece_length);

    void update(ByteView bytes);
    /// With the last, short piece. Called once.
    std::vector<Sha1Digest> finish();

  private:
    std::uint32_t piece_length_;
    std::uint32_t filled_ = 0;  ///< bytes of the piece under way
    Sha1 sha1_;
    std::vector<Sha1Digest> hashes_;
};

struct NewFile {
    std::vector<std::string> path;  ///< below the torrent's folder; empty if the torrent is this one file
    std::uint64_t size = 0;
    bool executable = false;
};

struct NewTorrent {
    std::string name;
    std::uint32_t piece_length = 0;
    std::vector<NewFile> files;  ///< in the order that they were hashed in
    std::vector<std::vector<std::string>> trackers = {};
    std::vector<std::string> web_seeds = {};
    bool is_private = false;
    std::optional<std::int64_t> creation_date = {};
    std::string comment = {};
    std::string created_by = {};
};

/// The torrent file. Errors: torrent_bad_path for a name that parse_torrent() would change or a path that
/// is there twice, torrent_too_many_files, torrent_bad_piece_length, torrent_bad_piece_hashes if there are
/// not as many as pieces, torrent_empty.
Result<Bytes> write_torrent(const NewTorrent& torrent, std::span<const Sha1Digest> piece_hashes);

}  // namespace btfs
