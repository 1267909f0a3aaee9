#include "cli/web/stream_places.hpp"

#include <fmt/format.h>

#include "cli/http/content_type.hpp"
#include "cli/http/header_text.hpp"
#include "cli/text/one_line.hpp"

namespace btfs::cli {
namespace {

constexpr std::size_t kMaxPath = 4096;
constexpr int kMaxDepth = 64;

/// Encodes a path, slashes apart.
std::string encoded_path(std::string_view path) {
    std::string encoded;
    for (;;) {
        const std::size_t slash = path.find('/');
        encoded += percent_encoded(path.substr(0, slash));
        if (slash == std::string_view::npos) return encoded;
        encoded += '/';
        path.remove_prefix(slash + 1);
    }
}

/// Lists files in the order of the listings.
class Playlist {
  public:
    explicit Playlist(const Filesystem& files) : files_(files) {}

    void add(const Attributes& node, std::string_view name, const std::string& url, int depth) {
        if (node.kind == NodeKind::directory) return add_folder(node.node, url, depth);
        if (node.kind != NodeKind::file || !is_media(name) || count_++ >= kMaxPlaylist) return;
        text_ += fmt::format("#EXTINF:-1,{}\n{}\n", one_line(std::string(name)), url);
    }
    std::string take() { return "#EXTM3U\n" + std::move(text_); }

  private:
    void add_folder(NodeId node, const std::string& url, int depth) {
        const auto listing = files_.list(node);
        if (!listing || depth == kMaxDepth) return;
        for (std::size_t at = 2; at < listing->size() && count_ < kMaxPlaylist;
             ++at) {  // behind "." and ".."
            const Listing::Entry entry = listing->at(at);
            add(entry.attributes, entry.name, url + '/' + percent_encoded(entry.name), depth + 1);
        }
    }

    const Filesystem& files_;
    std::string text_;
    std::size_t count_ = 0;
};

}  // namespace

Validators StreamPlace::validators() const {
    // The inode number follows from the info-hash and the path: what it names never changes.
    return {.etag = fmt::format("\"{:x}-{:x}\"", attributes.inode, attributes.size),
            .modified = attributes.modified};
}

std::optional<StreamPlace> find_place(const Filesystem& files, std::string_view path) {
    if (path.size() > kMaxPath) return std::nullopt;
    const auto root = files.attributes(kRootNode);
    if (!root) return std::nullopt;
    StreamPlace place{.attributes = *root, .name = {}, .redirect = {}};
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const auto name = percent_decoded(path.substr(0, slash));
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
        if (!name || name->find_first_of(std::string_view("/\0", 2)) != std::string::npos)
            return std::nullopt;
        if (name->empty() && path.empty()) break;  // a slash at the end
        if (name->empty() || *name == "." || *name == "..") return std::nullopt;
        if (place.attributes.node == kRootNode && *name == VirtualFolder::kName) return std::nullopt;
        const auto child = files.lookup(place.attributes.node, *name);
        if (!child) return std::nullopt;
        place.attributes = *child;
        place.name = *name;
    }
    if (place.attributes.kind == NodeKind::symlink) {
        const auto target = files.symlink_target(place.attributes.node);
        if (!target) return std::nullopt;
        place.redirect = encoded_path(*target);
    }
    return place;
}

std::string playlist(const Filesystem& files, const StreamPlace& place, const std::string& base) {
    Playlist list(files);
    list.add(place.attributes, place.name, base, 0);
    return list.take();
}

}  // namespace btfs::cli
