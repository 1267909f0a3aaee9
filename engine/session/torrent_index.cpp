#include "engine/session/torrent_index.hpp"

#include "engine/mse/handshake.hpp"

namespace btfs {
namespace {

template <class Map>
std::optional<typename Map::mapped_type> found_in(const Map& map, const Sha1Digest& key) {
    const auto found = map.find(key);
    return found == map.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

void TorrentIndex::add(const Identity& identity, TorrentHandle torrent) {
    for (const Sha1Digest& info_hash : identity.wire_hashes()) {
        torrents_.emplace(info_hash, torrent);
        obfuscated_.emplace(mse::obfuscated(info_hash), info_hash);
    }
}

void TorrentIndex::remove(const Identity& identity, TorrentHandle torrent) {
    for (const Sha1Digest& info_hash : identity.wire_hashes()) {
        if (find(info_hash) != torrent) continue;
        torrents_.erase(info_hash);
        obfuscated_.erase(mse::obfuscated(info_hash));
    }
}

std::optional<TorrentHandle> TorrentIndex::find(const Sha1Digest& info_hash) const {
    return found_in(torrents_, info_hash);
}

std::optional<Sha1Digest> TorrentIndex::find_obfuscated(const Sha1Digest& obfuscated) const {
    return found_in(obfuscated_, obfuscated);
}

}  // namespace btfs
