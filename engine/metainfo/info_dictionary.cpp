#include "engine/metainfo/info_dictionary.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "engine/metainfo/safe_path.hpp"

namespace btfs {
namespace {

using bencode::Kind;
using bencode::Value;
using Names = std::vector<std::string_view>;

constexpr std::uint64_t kMaxTotalSize = std::numeric_limits<std::int64_t>::max();

bool has_attribute(const Value& entry, char attribute) {
    auto attributes = entry.find("attr", Kind::string);
    return attributes && attributes->string().find(attribute) != std::string_view::npos;
}

// Names that older clients gave to padding, without BEP 47's attribute.
bool is_pad_name(const Names& path) {
    if (path.back().starts_with("_____padding_file_")) return true;
    return path.size() == 2 && path[0] == ".pad" && !path[1].empty() &&
           std::ranges::all_of(path[1], [](char c) { return c >= '0' && c <= '9'; });
}

Error read_names(const Value& list, Names& names) {
    names.clear();
    for (Value name : list.list()) {
        if (!name.is_string()) return Errc::torrent_bad_path;
        names.push_back(name.string());
    }
    return names.empty() ? Errc::torrent_bad_path : Error{};
}

// Old creators put another encoding into `path` and UTF-8 beside it.
std::optional<Value> find_utf8(const Value& entry, std::string_view key, std::string_view utf8_key,
                               Kind kind) {
    auto value = entry.find(utf8_key, kind);
    return value ? value : entry.find(key, kind);
}

Result<std::uint32_t> read_piece_length(const Value& info) {
    auto length = info.get_integer("piece length");
    if (!length || *length <= 0 || *length > kMaxPieceLength) return Errc::torrent_bad_piece_length;
    return static_cast<std::uint32_t>(*length);
}

Result<std::uint64_t> read_length(const Value& entry) {
    auto length = entry.get_integer("length");
    if (!length || *length < 0) return Errc::torrent_bad_length;
    return static_cast<std::uint64_t>(*length);
}

// Where a link's names lead, as names below the torrent's folder; ".." is walked here.
Error normalise_target(Names& names) {
    Names out;
    for (std::string_view name : names) {
        if (name.empty() || name.find('/') != std::string_view::npos) return Errc::torrent_bad_symlink;
        if (name == ".") continue;
        if (name != "..") {
            out.push_back(name);
        } else {
            if (out.empty()) return Errc::torrent_bad_symlink;
            out.pop_back();
        }
    }
    names = std::move(out);
    return {};
}

// "../b/c" for a link "name/a/link" to "name/b/c".
std::string relative_target(std::string_view link, std::string_view target) {
    std::size_t common = 0;  // of both, up to and with a '/'
    for (std::size_t i = 0; i < link.size() && i <= target.size(); ++i) {
        const char in_target = i < target.size() ? target[i] : '/';
        if (link[i] != in_target) break;
        if (link[i] == '/') common = i + 1;
    }
    std::string out;
    for (auto ups = std::count(link.begin() + static_cast<std::ptrdiff_t>(common), link.end(), '/'); ups > 0;
         --ups)
        out += out.empty() ? ".." : "/..";
    const std::string_view down = target.substr(std::min(common, target.size()));
    if (!down.empty()) out.append(out.empty() ? "" : "/").append(down);
    return out.empty() ? "." : out;
}

// Reads `files` of a torrent of many files into a Metainfo.
class FilesReader {
  public:
    FilesReader(const Value& list, Metainfo& into) : list_(list), into_(into) {}

    Error run(std::uint32_t piece_length) {
        std::size_t count = 0;
        for (Value entry : list_.list()) {
            if (!entry.is_dictionary()) return Errc::bencode_wrong_type;
            ++count;
        }
        if (count > kMaxFiles) return Errc::torrent_too_many_files;
        into_.files.reserve(count);
        SafePaths paths(into_.name, count);
        for (Value entry : list_.list()) {
            if (Error error = add(entry, piece_length, paths)) return error;
        }
        return name_the_rest(paths);
    }

    std::uint64_t total_size() const { return total_size_; }

  private:
    struct Later {
        std::size_t file;
        Value entry;
    };

    Error add(const Value& entry, std::uint32_t piece_length, SafePaths& paths) {
        auto path = find_utf8(entry, "path", "path.utf-8", Kind::list);
        if (!path) return Errc::torrent_bad_path;
        if (Error error = read_names(*path, names_)) return error;

        FileEntry& file = into_.files.emplace_back();
        file.offset_in_torrent = total_size_;
        file.executable = has_attribute(entry, 'x');
        file.hidden = has_attribute(entry, 'h');
        const bool symlink = has_attribute(entry, 'l');
        if (!symlink) {  // a link takes no bytes, whatever it says
            auto size = read_length(entry);
            if (!size) return size.error();
            if (*size > kMaxTotalSize - total_size_) return Errc::torrent_bad_length;
            file.size = *size;
            total_size_ += *size;
            file.pad = has_attribute(entry, 'p') || (*size < piece_length && is_pad_name(names_));
        }
        if (file.pad) {
            pads_.push_back({into_.files.size() - 1, *path});
        } else {
            file.path = paths.add(names_);
            if (symlink) links_.push_back({into_.files.size() - 1, entry});
        }
        return {};
    }

    // Pads come last so that they take no name from a file; links when all that they may point to is named.
    Error name_the_rest(SafePaths& paths) {
        for (const Later& pad : pads_) {
            if (Error error = read_names(pad.entry, names_)) return error;
            into_.files[pad.file].path = paths.add(names_);
        }
        for (const Later& link : links_) {
            auto target = link.entry.find("symlink path", Kind::list);
            if (!target || read_names(*target, names_)) return Errc::torrent_bad_symlink;
            if (Error error = normalise_target(names_)) return error;
            FileEntry& file = into_.files[link.file];
            file.symlink_target = relative_target(file.path, paths.find(names_));
        }
        return {};
    }

    Value list_;
    Metainfo& into_;
    std::uint64_t total_size_ = 0;
    Names names_;
    std::vector<Later> pads_, links_;
};

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

Result<Metainfo> read_info(const Value& info) {
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

    const auto name = find_utf8(info, "name", "name.utf-8", Kind::string);
    const bool usable = name && !name->string().empty() && name->string() != "." && name->string() != "..";
    result.name = usable ? safe_name(name->string()) : result.identity.v1->hex();

    auto piece_length = read_piece_length(info);
    if (!piece_length) return piece_length.error();

    std::uint64_t total_size = 0;
    if (auto files = info.find("files")) {
        if (!files->is_list()) return Errc::bencode_wrong_type;
        FilesReader reader(*files, result);
        if (Error error = reader.run(*piece_length)) return error;
        total_size = reader.total_size();
    } else if (Error error = read_single_file(info, result, total_size)) {
        return error;
    }
    if (std::ranges::none_of(result.files, [](const FileEntry& file) { return file.size > 0 && !file.pad; }))
        return Errc::torrent_empty;

    auto hashes = read_hashes(info, units_for(total_size, *piece_length));
    if (!hashes) return hashes.error();
    result.hashes = std::move(*hashes);

    std::vector<FileExtent> extents;
    extents.reserve(result.files.size());
    for (const FileEntry& file : result.files)
        extents.push_back({file.offset_in_torrent, file.size, file.pad});
    result.layout = Layout(*piece_length, std::move(extents));
    const auto is_private = info.find("private", Kind::integer);
    result.is_private = is_private && is_private->integer() == 1;
    return result;
}

}  // namespace btfs
