#include "cli/cached_torrents.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include "cli/process/failure.hpp"
#include "cli/settings/user_folders.hpp"

namespace btfs::cli {
namespace {

/// A shorter beginning of an info-hash is more likely a name.
constexpr std::size_t kFewestDigits = 8;

bool takes_no_space(const CachedTorrent& torrent) {
    return !torrent.in_use && torrent.bytes_on_disk == 0;
}

bool is_named_by(const NamedTorrent& torrent, std::string_view word) {
    return torrent.label() == word ||
           (word.size() >= kFewestDigits && torrent.cached.cache_key.starts_with(word));
}

}  // namespace

CacheDir open_cache_dir(const std::filesystem::path& given) {
    const std::filesystem::path path = given.empty() ? default_cache_path(false) : given;
    std::error_code error;
    if (!std::filesystem::exists(path, error))
        throw Failure("cache directory " + path.string() +
                      (error ? ": " + error.message()
                             : ": is not there; give the one of your mounts with "
                               "--cache-dir"));
    auto dir = CacheDir::open(path);
    if (!dir) throw Failure("cache directory " + path.string(), dir.error());
    return std::move(*dir);
}

std::optional<Metainfo> kept_metainfo(const CacheDir& dir, const Identity& identity) {
    const auto info = dir.kept_info(identity);
    if (!info) return std::nullopt;
    auto metainfo = parse_info(*info);
    if (!metainfo) return std::nullopt;
    return std::move(*metainfo);
}

NamedCatalog list_cache(const CacheDir& dir) {
    auto catalog = read_catalog(*dir.files());
    if (!catalog) throw Failure("the cache directory cannot be read", catalog.error());
    NamedCatalog named;
    named.bytes_on_disk = catalog->bytes_on_disk;
    for (CachedTorrent& cached : catalog->torrents) {
        if (takes_no_space(cached)) continue;
        NamedTorrent& torrent = named.torrents.emplace_back();
        torrent.size = cached.size_in_pieces;
        if (const auto metainfo = kept_metainfo(dir, cached.identity)) {
            torrent.name = metainfo->name;
            torrent.size = metainfo->layout.total_size();
        }
        torrent.cached = std::move(cached);
    }
    std::ranges::stable_sort(named.torrents, {}, &NamedTorrent::label);
    return named;
}

std::vector<NamedTorrent> choose(NamedCatalog catalog, const std::vector<std::string>& words) {
    if (words.empty()) return std::move(catalog.torrents);
    std::set<std::string> chosen;
    for (const std::string& word : words) {
        std::vector<std::string> keys;
        for (const NamedTorrent& torrent : catalog.torrents)
            if (is_named_by(torrent, word)) keys.push_back(torrent.cached.cache_key);
        if (keys.empty()) throw Failure(word + ": is not in the cache; see `btfs cache list`");
        if (keys.size() > 1)
            throw Failure(word + ": names " + std::to_string(keys.size()) +
                          " torrents; give the info-hash of one, as " + keys.front());
        chosen.insert(keys.front());
    }
    std::erase_if(catalog.torrents,
                  [&](const NamedTorrent& torrent) { return !chosen.contains(torrent.cached.cache_key); });
    return std::move(catalog.torrents);
}

}  // namespace btfs::cli
