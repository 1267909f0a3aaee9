// ut_pex (BEP 11): the peers that somebody is connected to, inside the extension protocol.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"

namespace btfs::wire {

/// Flags of an added peer, or-ed together. Many clients never set some of them.
inline constexpr std::uint8_t kPexEncryption = 0x01;  ///< it prefers encrypted connections
inline constexpr std::uint8_t kPexSeed = 0x02;        ///< a seed, or upload_only (BEP 21)
inline constexpr std::uint8_t kPexUtp = 0x04;         ///< it takes uTP connections
inline constexpr std::uint8_t kPexHolepunch = 0x08;   ///< it speaks ut_holepunch (BEP 55)
inline constexpr std::uint8_t kPexReachable = 0x10;   ///< it was dialled, and answered

struct PexPeer {
    Endpoint endpoint;
    std::uint8_t flags = 0;

    bool operator==(const PexPeer&) const = default;
};

struct PexMessage {
    /// Entries of each list and address family that are read; further ones are ignored.
    static constexpr std::size_t kMaxEntries = 100;

    std::vector<PexPeer> added;
    std::vector<Endpoint> dropped;

    bool empty() const { return added.empty() && dropped.empty(); }
    Bytes encode() const;
    /// From the payload of an extended message. Errc::message_malformed for what is no dictionary. A list
    /// that is missing or no string is empty, the rest of one that ends inside an entry is ignored, and flags
    /// that are missing are 0. Nothing is said of whether the addresses are of any use.
    static Result<PexMessage> parse(ByteView payload);

    bool operator==(const PexMessage&) const = default;
};

}  // namespace btfs::wire
