// The messages that peers exchange behind the handshake (BEP 3, 6, 10), as values.
#pragma once

#include <cstdint>
#include <variant>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/types.hpp"

namespace btfs::wire {

/// Message ids. Piece is not a value here: its block is received straight into place (see PeerSession).
enum class MessageId : std::uint8_t {
    choke = 0,
    unchoke = 1,
    interested = 2,
    not_interested = 3,
    have = 4,
    bitfield = 5,
    request = 6,
    piece = 7,
    cancel = 8,
    port = 9,
    suggest_piece = 13,
    have_all = 14,
    have_none = 15,
    reject_request = 16,
    allowed_fast = 17,
    extended = 20,
};

struct KeepAlive {};
struct Choke {};
struct Unchoke {};
struct Interested {};
struct NotInterested {};
struct Have {
    PieceIndex piece;
};
struct BitfieldMessage {
    ByteView payload;  ///< borrowed; Bitfield::parse() checks it
};
struct Request {
    BlockRef block;
};
struct Cancel {
    BlockRef block;
};
struct Port {
    std::uint16_t port = 0;
};
struct SuggestPiece {
    PieceIndex piece;
};
struct HaveAll {};
struct HaveNone {};
struct RejectRequest {
    BlockRef block;
};
struct AllowedFast {
    PieceIndex piece;
};
struct Extended {
    std::uint8_t id = 0;
    ByteView payload;  ///< borrowed
};
struct Unknown {
    std::uint8_t id = 0;
};

using Message =
    std::variant<KeepAlive, Choke, Unchoke, Interested, NotInterested, Have, BitfieldMessage, Request, Cancel,
                 Port, SuggestPiece, HaveAll, HaveNone, RejectRequest, AllowedFast, Extended, Unknown>;

/// Bytes before a block in a Piece message: length, id, piece index, begin.
inline constexpr std::size_t kPieceHeaderSize = 13;
/// The longest message besides Piece and Bitfield that is accepted (extended ones: ut_metadata, ut_pex).
inline constexpr std::uint32_t kMaxMessageSize = 128 * 1024;

/// Reads one message (not Piece) from its body: id and payload, without the length prefix. Only the size of
/// the payload is checked, not what it says. Errc::message_malformed.
Result<Message> parse_message(ByteView body);

/// Appends one message with its length prefix.
void append_message(Bytes& out, const Message& message);

/// The header of a Piece message that carries `block`.
void write_piece_header(std::span<std::byte, kPieceHeaderSize> out, const BlockRef& block);

}  // namespace btfs::wire
