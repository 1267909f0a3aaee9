#include "engine/metainfo/info_dictionary.hpp"

#include <algorithm>

#include "engine/metainfo/files_reader.hpp"
#include "engine/metainfo/safe_path.hpp"
#include "engine/metainfo/utf8.hpp"

namespace btfs {
namespace {

using bencode::Kind;
using bencode::Value;

Result<std::uint32_t> read_piece_length(const Value& info) {
    auto length = info.get_integer("piece length");
    if (!length || *length <= 0 || *length > kMaxPieceLength) return Errc::torrent_bad_piece_length;
    return static_cast<std::uint32_t>(*length);
}

// Reads the torrent's name. Creators that use another encoding in `name` add `name.utf-8`, which is
// preferred.
std::optional<std::string> read_name(const Value& info, const Charset* charset) {
    for (const char* key : {"name.utf-8", "name"}) {
        const auto value = info.find(key, Kind::string);
        if (!value) continue;
        const std::string_view name = value->string();
        if (name.empty() || name == "." || name == "..") continue;
        if (is_valid_utf8(name)) return std::string(name);
        if (key == std::string_view("name.utf-8") && info.find("name", Kind::string)) continue;
        auto converted = charset ? charset->to_utf8(name) : std::nullopt;
        return converted ? std::move(*converted) : std::string(name);
    }
    return std::nullopt;
}

Error read_single_file(const Value& info, Metainfo& into, std::uint64_t& total_size) {
    auto size = read_length(info);
    if (!size) return size.error();
    total_size = *size;
    FileEntry& file = into.files.emplace_back();
    file.path = into.name;
    file.size = total_size;
    file.executable = has_attribute(info, 'x');
    file.hidden = has_attribute(info, 'h');
    return {};
}

Result<PieceHashes> read_hashes(const Value& info, std::uint64_t expected_count) {
    auto pieces = info.find("pieces", Kind::string);
    if (!pieces) return Errc::torrent_bad_piece_hashes;
    const ByteView raw = as_bytes(pieces->string());
    if (raw.size() % Sha1Digest::kSize != 0 || raw.size() / Sha1Digest::kSize != expected_count)
        return Errc::torrent_bad_piece_hashes;
    std::vector<Sha1Digest> hashes(expected_count);
    for (std::size_t i = 0; i < hashes.size(); ++i)
        hashes[i] = Sha1Digest::from(raw.subspan(i * Sha1Digest::kSize, Sha1Digest::kSize));
    return PieceHashes(std::move(hashes));
}

}  // namespace

Result<Metainfo> read_info(const Value& info, const Charset* charset) {
    const auto version = info.find("meta version", Kind::integer);
    const bool says_v2 = info.find("file tree").has_value();
    if (version && version->integer() != 1 && version->integer() != 2)
        return Errc::torrent_unsupported_version;
    if (says_v2 && !info.find("pieces")) return Errc::torrent_unsupported_version;

    Metainfo result;
    const ByteView raw = info.raw();
    result.info_bytes = std::make_shared<const Bytes>(raw.begin(), raw.end());
    result.identity.v1 = sha1(raw);
    if (says_v2 && version && version->integer() == 2) result.identity.v2 = sha256(raw);

    const auto name = read_name(info, charset);
    result.name = name ? safe_name(*name) : result.identity.v1->hex();

    auto piece_length = read_piece_length(info);
    if (!piece_length) return piece_length.error();

    std::uint64_t total_size = 0;
    if (auto files = info.find("files")) {
        if (!files->is_list()) return Errc::bencode_wrong_type;
        FilesReader reader(*files, charset, result);
        if (Error error = reader.run(*piece_length)) return error;
        total_size = reader.total_size();
    } else if (Error error = read_single_file(info, result, total_size)) {
        return error;
    }
    if (std::ranges::none_of(result.files, [](const FileEntry& file) { return file.size > 0 && !file.pad; }))
        return Errc::torrent_empty;

    const std::uint64_t pieces = units_for(total_size, *piece_length);
    const std::uint64_t blocks_per_piece = units_for(*piece_length, kBlockSize);
    auto hashes = read_hashes(info, pieces);
    if (!hashes) return hashes.error();
    if (pieces > kMaxPieces || pieces > kMaxBlocks / blocks_per_piece) return Errc::torrent_too_many_pieces;
    result.hashes = std::move(*hashes);

    std::vector<FileExtent> extents;
    extents.reserve(result.files.size());
    for (const FileEntry& file : result.files)
        extents.push_back({file.offset_in_torrent, file.size, file.pad});
    result.layout = Layout(*piece_length, std::move(extents));
    // Any value but 0 means private: a torrent that was announced to the DHT by mistake cannot be withdrawn.
    result.is_private = info.find_clamped("private").value_or(0) != 0;
    if (const auto source = info.find("source", Kind::string))
        result.source = to_valid_utf8(source->string());
    return result;
}

}  // namespace btfs
