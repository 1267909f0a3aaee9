// BT-SEARCH datagram (BEP 14): tells the local network which torrents a client has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/hash.hpp"

namespace btfs::lsd {

/// The multicast group of an address family.
Endpoint group_of(AddressFamily family);

struct Announcement {
    /// A datagram is not longer, so that it fits any MTU; so many torrents fit into one.
    static constexpr std::size_t kMaxSize = 1400;
    static constexpr std::size_t kMaxInfoHashes = 25;
    static constexpr std::size_t kMaxCookie = 16;

    std::uint16_t port = 0;  ///< where the sender listens for peers
    std::vector<Sha1Digest> info_hashes;
    std::string cookie;  ///< by which the sender knows its own; may be empty

    /// To be sent to that family's group. At most kMaxInfoHashes, and a cookie of at most kMaxCookie bytes
    /// (asserted).
    Bytes encode(AddressFamily family) const;
    /// Nothing for what is no BT-SEARCH, and for one without a port or without an info-hash. Headers of other
    /// names, info-hashes that are none, and those beyond kMaxInfoHashes are ignored; of a longer cookie only
    /// the beginning is kept.
    static std::optional<Announcement> parse(ByteView datagram);

    bool operator==(const Announcement&) const = default;
};

}  // namespace btfs::lsd
