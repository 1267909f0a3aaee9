// ut_metadata (BEP 9): the info dictionary, piece by piece, inside the extension protocol.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"

namespace btfs::wire {

/// The info dictionary is sent in pieces of this size; the last one is what is left.
inline constexpr std::uint32_t kMetadataPieceSize = 16 * 1024;

struct MetadataRequest {
    std::uint32_t piece = 0;
};
struct MetadataData {
    std::uint32_t piece = 0;
    std::uint32_t total_size = 0;  ///< of the info dictionary, as the sender says
    ByteView data;
};
struct MetadataReject {
    std::uint32_t piece = 0;
};
using MetadataMessage = std::variant<MetadataRequest, MetadataData, MetadataReject>;

/// From the payload of an extended message; data are a view of it. Errc::message_malformed for what is no
/// dictionary with a piece and a type, or for more data than a piece has. Types that BEP 9 does not know are
/// to be ignored: nothing.
Result<std::optional<MetadataMessage>> parse_metadata_message(ByteView payload);
Bytes encode(const MetadataMessage& message);

}  // namespace btfs::wire
