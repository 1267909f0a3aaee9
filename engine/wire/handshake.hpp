// The 68 bytes that open a connection (BEP 3), and the capabilities in their reserved bits.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/hash.hpp"

namespace btfs::wire {

using PeerId = std::array<std::byte, 20>;

/// Extensions that a peer speaks, by its reserved bits.
struct Capabilities {
    bool fast = false;      ///< BEP 6
    bool extended = false;  ///< BEP 10
    bool dht = false;       ///< BEP 5
    bool v2 = false;        ///< BEP 52

    bool operator==(const Capabilities&) const = default;
};

struct Handshake {
    static constexpr std::size_t kSize = 68;
    /// Bytes at the beginning that are the same in all handshakes.
    static constexpr std::size_t kProtocolSize = 20;

    Capabilities capabilities;
    Sha1Digest info_hash;
    PeerId peer_id{};

    std::array<std::byte, kSize> encode() const;
    /// False if no handshake begins with these bytes, of which there may be any number.
    static bool may_begin_so(ByteView begun);
    /// The info-hash of a handshake of which so much has come; nothing while it has not.
    static std::optional<Sha1Digest> parse_hash(ByteView begun);
    /// From exactly kSize bytes. Errc::handshake_malformed if it is another protocol.
    static Result<Handshake> parse(ByteView raw);

    bool operator==(const Handshake&) const = default;
};

/// "-FS0100-" and twelve random bytes from `random` (BEP 20).
PeerId make_peer_id(std::span<const std::byte, 12> random);

/// True if the peer id has the form of make_peer_id()'s.
bool is_btfs(const PeerId& id);

/// The client's name in a peer id, such as "qB4520" for BEP 20's form, else empty; for logs.
std::string client_tag(const PeerId& id);

}  // namespace btfs::wire
