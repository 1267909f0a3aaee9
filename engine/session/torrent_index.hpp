// TorrentIndex: finds a torrent by what peers that connect to us say of it.
#pragma once

#include <optional>
#include <unordered_map>

#include "engine/core/hash.hpp"
#include "engine/core/identity.hpp"
#include "engine/session/engine.hpp"

namespace btfs {

/// Torrents by the hashes that they answer to, and by those hashes as an encryption handshake has them. Each
/// look-up takes the same time, however many torrents there are. Of two torrents with one hash the first
/// counts.
class TorrentIndex {
  public:
    void add(const Identity& identity, TorrentHandle torrent);
    void remove(const Identity& identity, TorrentHandle torrent);
    std::optional<TorrentHandle> find(const Sha1Digest& info_hash) const;
    /// The info-hash of which `obfuscated` is mse::obfuscated().
    std::optional<Sha1Digest> find_obfuscated(const Sha1Digest& obfuscated) const;

  private:
    std::unordered_map<Sha1Digest, TorrentHandle> torrents_;
    std::unordered_map<Sha1Digest, Sha1Digest> obfuscated_;
};

}  // namespace btfs
