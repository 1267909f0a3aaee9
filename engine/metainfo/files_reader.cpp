#include "engine/metainfo/files_reader.hpp"

#include <algorithm>
#include <limits>

#include "engine/metainfo/symlinks.hpp"
#include "engine/metainfo/utf8.hpp"

namespace btfs {
namespace {

using bencode::Kind;
using bencode::Value;
using Names = std::vector<std::string_view>;

constexpr std::uint64_t kMaxTotalSize = std::numeric_limits<std::int64_t>::max();

// Returns true for the names that older clients gave to padding files, without BEP 47's attribute.
bool is_pad_name(const Names& path) {
    if (path.back().starts_with("_____padding_file_")) return true;
    return path.size() == 2 && path[0] == ".pad" && !path[1].empty() &&
           std::ranges::all_of(path[1], [](char c) { return c >= '0' && c <= '9'; });
}

// Reads a list of names. An item that is not a string becomes an empty name, so that the others keep their
// places.
void read_list(const Value& list, Names& names) {
    names.clear();
    for (Value name : list.list()) names.push_back(name.is_string() ? name.string() : std::string_view());
}

}  // namespace

bool has_attribute(const Value& entry, char attribute) {
    auto attributes = entry.find("attr", Kind::string);
    return attributes && attributes->string().find(attribute) != std::string_view::npos;
}

Result<std::uint64_t> read_length(const Value& entry) {
    auto length = entry.get_integer("length");
    if (!length || *length < 0) return Errc::torrent_bad_length;
    return static_cast<std::uint64_t>(*length);
}

Error FilesReader::run(std::uint32_t piece_length) {
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
    name_the_rest(paths);
    return {};
}

std::string_view FilesReader::readable(std::string_view name) {
    if (!charset_ || is_valid_utf8(name)) return name;
    auto converted = charset_->to_utf8(name);
    return converted ? converted_.emplace_back(std::move(*converted)) : name;
}

// Reads the names of a file's path. Creators that use another encoding in `path` add `path.utf-8`, which is
// preferred if it is valid UTF-8 and has as many names. A file without any name gets an empty one, which
// SafePaths turns into "_".
void FilesReader::read_path(const Value& entry, Names& names) {
    const auto list = entry.find("path", Kind::list);
    names.clear();
    if (list) read_list(*list, names);
    if (const auto utf8 = entry.find("path.utf-8", Kind::list)) {
        const std::size_t count = names.size();
        Names other;
        read_list(*utf8, other);
        const auto usable = [](std::string_view name) { return !name.empty() && is_valid_utf8(name); };
        if (!other.empty() && (count == 0 || other.size() == count) && std::ranges::all_of(other, usable)) {
            names = std::move(other);
            return;
        }
    }
    if (const auto name = entry.find("path", Kind::string)) names.push_back(name->string());
    if (names.empty()) names.emplace_back();
    for (std::string_view& name : names) name = readable(name);
}

Error FilesReader::add(const Value& entry, std::uint32_t piece_length, SafePaths& paths) {
    read_path(entry, names_);
    FileEntry& file = into_.files.emplace_back();
    file.offset_in_torrent = total_size_;
    file.executable = has_attribute(entry, 'x');
    file.hidden = has_attribute(entry, 'h');
    const bool symlink = has_attribute(entry, 'l');
    if (!symlink) {  // a symlink takes no bytes, whatever its length says
        auto size = read_length(entry);
        if (!size) return size.error();
        if (*size > kMaxTotalSize - total_size_) return Errc::torrent_bad_length;
        file.size = *size;
        total_size_ += *size;
        file.pad = has_attribute(entry, 'p') || (*size < piece_length && is_pad_name(names_));
    }
    if (file.pad) {
        pads_.push_back({into_.files.size() - 1, entry});
    } else {
        file.path = paths.add(names_);
        if (symlink) links_.push_back({into_.files.size() - 1, entry});
    }
    return {};
}

// Names pads and symlinks after all other files: pads, so that they take no name from a file, and symlinks,
// because their targets must be named first.
void FilesReader::name_the_rest(SafePaths& paths) {
    for (const Later& pad : pads_) {
        read_path(pad.entry, names_);
        into_.files[pad.file].path = paths.add(names_);
    }
    for (const Later& link : links_) {
        FileEntry& file = into_.files[link.file];
        target_.clear();
        if (const auto list = link.entry.find("symlink path", Kind::list)) read_list(*list, target_);
        if (const auto text = link.entry.find("symlink path", Kind::string)) target_ = {text->string()};
        for (std::string_view& name : target_) name = readable(name);
        read_path(link.entry, names_);
        if (const auto found = resolve_symlink(names_, target_, paths)) {
            file.symlink_target = relative_target(file.path, paths.find(*found));
        } else {
            file.pad = true;  // the symlink is left out of the folder
        }
    }
}

}  // namespace btfs
