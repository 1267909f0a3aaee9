// Values that are stored in the DHT itself (BEP 44), and torrents that are named by their publisher (BEP 46).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/core/hash.hpp"
#include "engine/dht/krpc.hpp"

namespace btfs::dht {

/// An Ed25519 public key.
using PublicKey = Digest<32>;

/// Name of an item: an immutable item by its hash, or the newest of a publisher's under one salt.
struct ItemName {
    NodeId target;
    std::optional<PublicKey> publisher;
    std::string salt;

    static ItemName immutable(const NodeId& hash) { return {hash, std::nullopt, {}}; }
    /// `salt`: at most 64 bytes.
    static ItemName mutable_of(const PublicKey& publisher, std::string salt);
};

/// True if the item is what it was looked up as: it has the hash, or its publisher has signed it.
bool proves(const ItemName& name, const RawItem& item);

/// The info-hash that a publisher's item names (BEP 46); nothing if it names none.
std::optional<Sha1Digest> info_hash_of(const RawItem& item);

}  // namespace btfs::dht
