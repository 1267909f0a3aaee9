// Identity of a torrent: a v1 hash, a v2 hash, or both (BEP 3, BEP 52).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/core/hash.hpp"

namespace btfs {

struct Identity {
    std::optional<Sha1Digest> v1;
    std::optional<Sha256Digest> v2;

    bool empty() const { return !v1 && !v2; }
    /// The 20 bytes that peers, trackers and the DHT know the torrent by: v1, else v2 truncated.
    Sha1Digest wire_hash() const;
    /// All hashes that it answers to.
    std::vector<Sha1Digest> wire_hashes() const;
    /// True if `hash`, 20 bytes from a handshake, names this torrent by either of its hashes.
    bool answers_to(const Sha1Digest& hash) const;
    /// True if an info dictionary with these bytes has the hashes that are known, and one of them is.
    bool names(ByteView info) const;
    /// One name in the cache for all aliases: the v1 hash in hex, else the v2 hash in hex.
    std::string cache_key() const;

    bool operator==(const Identity&) const = default;
};

}  // namespace btfs
