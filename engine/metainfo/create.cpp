#include "engine/metainfo/create.hpp"

#include <algorithm>
#include <limits>

#include "engine/core/types.hpp"
#include "engine/metainfo/bencode.hpp"
#include "engine/metainfo/metainfo.hpp"
#include "engine/metainfo/safe_path.hpp"

namespace btfs {
namespace {

constexpr std::uint64_t kWantedPieces = 2000;

bool is_single_file(const NewTorrent& torrent) {
    return torrent.files.size() == 1 && torrent.files.front().path.empty();
}

Error check_paths(const NewTorrent& torrent) {
    if (!is_safe_name(torrent.name)) return Errc::torrent_bad_path;
    if (is_single_file(torrent)) return {};
    SafePaths paths({}, torrent.files.size());
    std::vector<std::string_view> names;
    for (const NewFile& file : torrent.files) {
        if (file.path.empty()) return Errc::torrent_bad_path;
        names.assign(file.path.begin(), file.path.end());
        std::string asked;
        for (std::string_view name : names) asked.append(asked.empty() ? "" : "/").append(name);
        if (paths.add(names) != asked) return Errc::torrent_bad_path;
    }
    return {};
}

void write_attributes(bencode::Writer& out, const NewFile& file) {
    if (file.executable) out.key("attr").string("x");
}

void write_files(bencode::Writer& out, const NewTorrent& torrent) {
    out.key("files").begin_list();
    for (const NewFile& file : torrent.files) {
        out.begin_dictionary();
        write_attributes(out, file);
        out.key("length").integer(static_cast<std::int64_t>(file.size));
        out.key("path").begin_list();
        for (const std::string& name : file.path) out.string(name);
        out.end().end();
    }
    out.end();
}

void write_info(bencode::Writer& out, const NewTorrent& torrent, std::span<const Sha1Digest> piece_hashes) {
    Bytes pieces;
    pieces.reserve(piece_hashes.size() * Sha1Digest::kSize);
    for (const Sha1Digest& hash : piece_hashes)
        pieces.insert(pieces.end(), hash.bytes.begin(), hash.bytes.end());

    out.begin_dictionary();
    if (is_single_file(torrent)) {
        write_attributes(out, torrent.files.front());
        out.key("length").integer(static_cast<std::int64_t>(torrent.files.front().size));
    } else {
        write_files(out, torrent);
    }
    out.key("name").string(torrent.name);
    out.key("piece length").integer(torrent.piece_length);
    out.key("pieces").string(pieces);
    if (torrent.is_private) out.key("private").integer(1);
    out.end();
}

/// The bencoded values and keys that the torrent will have, or a few more.
std::size_t value_count(const NewTorrent& torrent) {
    std::size_t count = 64 + torrent.web_seeds.size();
    for (const auto& tier : torrent.trackers) count += 1 + tier.size();
    for (const NewFile& file : torrent.files) count += 7 + file.path.size();
    return count;
}

}  // namespace

std::uint32_t choose_piece_length(std::uint64_t total_size) {
    std::uint32_t length = kMinCreatedPieceLength;
    while (length < kMaxCreatedPieceLength && total_size / length > kWantedPieces) length *= 2;
    return length;
}

PieceHasher::PieceHasher(std::uint32_t piece_length) : piece_length_(piece_length) {}

void PieceHasher::update(ByteView bytes) {
    while (!bytes.empty()) {
        const std::size_t part = std::min<std::size_t>(bytes.size(), piece_length_ - filled_);
        sha1_.update(bytes.first(part));
        bytes = bytes.subspan(part);
        filled_ += static_cast<std::uint32_t>(part);
        if (filled_ < piece_length_) continue;
        hashes_.push_back(sha1_.finish());
        filled_ = 0;
    }
}

std::vector<Sha1Digest> PieceHasher::finish() {
    if (filled_ > 0) hashes_.push_back(sha1_.finish());
    filled_ = 0;
    return std::move(hashes_);
}

Result<Bytes> write_torrent(const NewTorrent& torrent, std::span<const Sha1Digest> piece_hashes) {
    if (torrent.piece_length == 0 || torrent.piece_length > kMaxPieceLength)
        return Errc::torrent_bad_piece_length;
    if (torrent.files.size() > kMaxFiles || value_count(torrent) > kMaxTorrentValues)
        return Errc::torrent_too_many_files;
    std::uint64_t total_size = 0;
    for (const NewFile& file : torrent.files) {
        if (file.size > std::numeric_limits<std::int64_t>::max() - total_size)
            return Errc::torrent_bad_length;
        total_size += file.size;
    }
    if (total_size == 0) return Errc::torrent_empty;
    if (units_for(total_size, torrent.piece_length) != piece_hashes.size())
        return Errc::torrent_bad_piece_hashes;
    if (Error error = check_paths(torrent)) return error;

    Bytes bytes;
    bencode::Writer out(bytes);
    out.begin_dictionary();
    if (!torrent.trackers.empty() && !torrent.trackers.front().empty())
        out.key("announce").string(torrent.trackers.front().front());
    if (!torrent.trackers.empty()) {
        out.key("announce-list").begin_list();
        for (const auto& tier : torrent.trackers) {
            out.begin_list();
            for (const std::string& url : tier) out.string(url);
            out.end();
        }
        out.end();
    }
    if (!torrent.comment.empty()) out.key("comment").string(torrent.comment);
    if (!torrent.created_by.empty()) out.key("created by").string(torrent.created_by);
    if (torrent.creation_date) out.key("creation date").integer(*torrent.creation_date);
    out.key("info");
    write_info(out, torrent, piece_hashes);
    if (!torrent.web_seeds.empty()) {
        out.key("url-list").begin_list();
        for (const std::string& url : torrent.web_seeds) out.string(url);
        out.end();
    }
    out.end();
    if (bytes.size() > kMaxTorrentFileSize) return Errc::torrent_too_large;
    return bytes;
}

}  // namespace btfs
