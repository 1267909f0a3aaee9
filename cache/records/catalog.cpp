#include "cache/records/catalog.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>

#include "cache/records/claims.hpp"
#include "cache/records/torrent_files.hpp"

namespace btfs {
namespace {

/// Bytes of a bitmap that are read at a time.
constexpr std::size_t kPart = 64 << 10;

std::uint64_t bits_in(ByteView bytes) {
    std::uint64_t count = 0, word = 0;
    for (; bytes.size() >= sizeof word; bytes = bytes.subspan(sizeof word)) {
        std::memcpy(&word, bytes.data(), sizeof word);
        count += static_cast<unsigned>(std::popcount(word));
    }
    for (const std::byte byte : bytes)
        count += static_cast<unsigned>(std::popcount(std::to_integer<unsigned>(byte)));
    return count;
}

/// Counts the bytes of the blocks that the sidecar claims. Pieces that are not a multiple of a block end in a
/// shorter one. Nothing is claimed if the bitmap cannot be read.
std::uint64_t count_claimed(File& file, const ClaimsShape& shape) {
    const std::uint64_t blocks_per_piece = units_for(shape.piece_length, kBlockSize);
    if (blocks_per_piece == 0) return 0;
    const std::uint64_t missing_of_last = blocks_per_piece * kBlockSize - shape.piece_length;
    std::uint64_t blocks = 0, short_blocks = 0;
    Bytes part;
    for (std::uint64_t at = 0; at < shape.bitmap_size(); at += part.size()) {
        part.resize(std::min<std::uint64_t>(kPart, shape.bitmap_size() - at));
        if (read_all(file, kClaimsHeaderSize + at, part)) return 0;
        blocks += bits_in(part);
        if (missing_of_last == 0) continue;
        const std::uint64_t begin = at * 8, end = begin + part.size() * 8;
        std::uint64_t last_of_piece = begin / blocks_per_piece * blocks_per_piece + blocks_per_piece - 1;
        for (; last_of_piece < end; last_of_piece += blocks_per_piece) {
            const std::uint64_t bit = last_of_piece - begin;
            short_blocks += std::to_integer<unsigned>(part[bit / 8]) >> bit % 8 & 1;
        }
    }
    return blocks * kBlockSize - short_blocks * missing_of_last;
}

void read_claims(Files& files, const std::string& name, CachedTorrent& torrent) {
    const auto file = files.open(name, {});
    if (!file) return;
    torrent.in_use = (*file)->is_locked();
    const Result<FileStatus> status = (*file)->status();
    if (!status) return;
    torrent.bytes_on_disk += status->bytes_on_disk;
    torrent.last_use = status->modified.tv_sec;
    std::array<std::byte, kClaimsHeaderSize> bytes{};
    if (read_all(**file, 0, bytes)) return;
    const auto header = parse_claims_header(bytes);
    if (!header || status->size != header->shape.file_size()) return;
    torrent.claims_are_valid = true;
    torrent.size_in_pieces = std::uint64_t{header->shape.piece_count} * header->shape.piece_length;
    torrent.bytes_had = count_claimed(**file, header->shape);
}

}  // namespace

Result<Catalog> read_catalog(Files& files) {
    const auto names = files.list();
    if (!names) return names.error();
    Catalog catalog;
    std::map<std::string, CachedTorrent> torrents;
    for (const std::string& name : *names) {
        std::string_view ending;
        std::optional<Identity> identity;
        for (const std::string_view known :
             {kDataEnding, kClaimsEnding, kInfoEnding, kPinsEnding, kPeersEnding}) {
            if (!name.ends_with(known)) continue;
            ending = known;
            identity = identity_of(key_in(name, known));
        }
        if (identity && ending == kClaimsEnding) {
            CachedTorrent& torrent = torrents[key_in(name, ending)];
            torrent.identity = *identity;
            const std::uint64_t before = torrent.bytes_on_disk;
            read_claims(files, name, torrent);
            catalog.bytes_on_disk += torrent.bytes_on_disk - before;
            continue;
        }
        const Result<FileStatus> status = files.status(name);
        if (!status) continue;  // it has been removed meanwhile
        catalog.bytes_on_disk += status->bytes_on_disk;
        if (!identity) continue;
        CachedTorrent& torrent = torrents[key_in(name, ending)];
        torrent.identity = *identity;
        torrent.bytes_on_disk += status->bytes_on_disk;
        if (ending == kPinsEnding) torrent.pinned = true;
        if (ending == kDataEnding) torrent.bytes_of_content = status->bytes_on_disk;
    }
    catalog.torrents.reserve(torrents.size());
    for (auto& [key, torrent] : torrents) {
        torrent.cache_key = key;
        catalog.torrents.push_back(std::move(torrent));
    }
    return catalog;
}

std::uint64_t bytes_claimed(Files& files, const std::string& cache_key) {
    CachedTorrent torrent;
    read_claims(files, torrent_file(cache_key, kClaimsEnding), torrent);
    return torrent.bytes_had;
}

}  // namespace btfs
