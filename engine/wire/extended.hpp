// The extension protocol (BEP 10): its handshake, and the ids under which extensions are spoken.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/types.hpp"

namespace btfs::wire {

/// The extended message id of the handshake itself.
inline constexpr std::uint8_t kExtendedHandshakeId = 0;
/// The ids under which we receive extensions, as our handshake says.
inline constexpr std::uint8_t kMetadataId = 2;
inline constexpr std::uint8_t kDontHaveId = 3;
inline constexpr std::uint8_t kPexId = 4;
inline constexpr std::uint8_t kHolepunchId = 5;

/// Values of an extended handshake; absent ones are empty. An id of 0 means "not spoken".
struct ExtendedHandshake {
    std::uint8_t dont_have_id = 0;  ///< lt_donthave (BEP 54)
    std::uint8_t metadata_id = 0;   ///< ut_metadata (BEP 9)
    std::uint8_t pex_id = 0;        ///< ut_pex (BEP 11)
    std::uint8_t holepunch_id = 0;  ///< ut_holepunch (BEP 55)
    std::optional<std::uint32_t> reqq;
    std::optional<std::uint16_t> listen_port;
    std::optional<Address> your_address;
    std::optional<std::uint32_t> metadata_size;
    std::string client;
    bool upload_only = false;  ///< BEP 21

    Bytes encode() const;
    /// Values of the wrong type are taken as absent; Errc only if it is no bencoded dictionary.
    static Result<ExtendedHandshake> parse(ByteView payload) { return ExtendedHandshake().updated(payload); }
    /// This handshake with a later one of the same peer laid over it: values that the later one does not
    /// mention stay, and the id 0 ends an extension.
    Result<ExtendedHandshake> updated(ByteView payload) const;
};

/// lt_donthave's payload (BEP 54): a piece index. Errc::message_malformed.
Result<PieceIndex> parse_dont_have(ByteView payload);
Bytes encode_dont_have(PieceIndex piece);

}  // namespace btfs::wire
