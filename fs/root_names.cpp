#include "fs/root_names.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "fs/inode_tree.hpp"

namespace btfs {
namespace {

// The whole info-hash is for those that others imitate.
constexpr std::size_t kFewDigits = 8;

template <class Taken>
std::string tagged_name(const NamedTorrent& torrent, Taken taken) {
    const std::string digits = torrent.info_hash.hex();
    const std::string brief = with_tag(torrent.name, '[' + digits.substr(0, kFewDigits) + ']');
    if (!taken(brief)) return brief;
    return distinct_name(with_tag(torrent.name, '[' + digits + ']'), taken);
}

}  // namespace

std::vector<std::string> root_names(std::span<const NamedTorrent> torrents, std::string_view reserved) {
    std::map<std::string_view, std::size_t> owners{{reserved, 1}};
    for (const NamedTorrent& torrent : torrents) ++owners[torrent.name];

    std::vector<std::size_t> by_hash(torrents.size());
    std::iota(by_hash.begin(), by_hash.end(), std::size_t{0});
    std::ranges::sort(by_hash, {}, [&](std::size_t i) { return torrents[i].info_hash.bytes; });

    std::vector<std::string> names(torrents.size());
    std::set<std::string> given;
    for (std::size_t i : by_hash) {
        const NamedTorrent& torrent = torrents[i];
        const auto taken = [&](const std::string& name) {
            return owners.contains(name) || given.contains(name);
        };
        names[i] = owners[torrent.name] == 1 ? std::string(torrent.name) : tagged_name(torrent, taken);
        given.insert(names[i]);
    }
    return names;
}

}  // namespace btfs
