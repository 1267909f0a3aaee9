#include "engine/webseed/file_urls.hpp"

#include "engine/core/hex.hpp"
#include "engine/http/http_url.hpp"
#include "engine/metainfo/bencode.hpp"
#include "engine/metainfo/metainfo.hpp"

namespace btfs::webseed {
namespace {

using bencode::Kind;
using bencode::Value;

constexpr bencode::Limits kInfoLimits{
    .max_size = kMaxTorrentFileSize, .max_depth = 300, .max_tokens = kMaxTorrentValues};

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~").find(c) != std::string_view::npos;
}

/// Appends one name, with a '/' before it unless it is the first. False if no URL can have it.
bool append_name(std::string& path, std::string_view name) {
    if (name.empty() || name == "." || name == "..") return false;
    if (!path.empty()) path += '/';
    for (const char c : name) {
        if (is_unreserved(c)) {
            path += c;
        } else {
            path += percent_encoded(static_cast<std::byte>(c));
        }
    }
    return true;
}

std::optional<std::string_view> text_of(const Value& from, std::string_view key) {
    const auto text = from.find(key, Kind::string);
    return text ? std::optional(text->string()) : std::nullopt;
}

std::string_view name_of(const Value& info) {
    const auto utf8 = text_of(info, "name.utf-8");
    return utf8 ? *utf8 : text_of(info, "name").value_or("");
}

std::string path_of(const std::string& folder, const Value& file) {
    auto names = file.find("path.utf-8", Kind::list);
    if (!names) names = file.find("path", Kind::list);
    if (!names || folder.empty()) return {};
    std::string path = folder;
    for (const Value name : names->list())
        if (!name.is_string() || !append_name(path, name.string())) return {};
    return path;
}

}  // namespace

std::vector<std::string> url_paths(ByteView info) {
    std::vector<std::string> paths;
    const auto document = bencode::decode(info, kInfoLimits);
    if (!document) return paths;
    const Value root = document->root();
    std::string name;
    if (!append_name(name, name_of(root))) name.clear();
    const auto files = root.find("files", Kind::list);
    if (!files) return {name};
    for (const Value file : files->list()) paths.push_back(path_of(name, file));
    return paths;
}

bool is_single_file(ByteView info) {
    const auto document = bencode::decode(info, kInfoLimits);
    return document && !document->root().find("files");
}

bool is_web_seed_url(std::string_view text) {
    return http::HttpUrl::parse(text).has_value();
}

FileUrls::FileUrls(std::string_view seed_url, const std::vector<std::string>& paths, bool single)
    : base_(seed_url), paths_(paths) {
    const bool is_folder = base_.ends_with('/');
    is_whole_url_ = single && !is_folder;
    if (!single && !is_folder) base_ += '/';
}

std::string FileUrls::url(FileIndex file) const {
    if (is_whole_url_) return base_;
    if (file.value() >= paths_.size() || paths_[file.value()].empty()) return {};
    return base_ + paths_[file.value()];
}

}  // namespace btfs::webseed
