#include "engine/wire/messages.hpp"

namespace btfs::wire {
namespace {

constexpr std::size_t kIdSize = 1, kIndexSize = 4, kBlockRefSize = 12;

Result<BlockRef> parse_block(ByteReader& reader) {
    BlockRef block;
    block.piece = PieceIndex(reader.u32());
    block.offset_in_piece = reader.u32();
    block.size = reader.u32();
    if (!reader.finished()) return Errc::message_malformed;
    return block;
}

class Appender {
  public:
    explicit Appender(Bytes& out) : out_(out) {}

    void operator()(const KeepAlive&) { out_.u32(0); }
    void operator()(const Choke&) { plain(MessageId::choke); }
    void operator()(const Unchoke&) { plain(MessageId::unchoke); }
    void operator()(const Interested&) { plain(MessageId::interested); }
    void operator()(const NotInterested&) { plain(MessageId::not_interested); }
    void operator()(const Have& m) { indexed(MessageId::have, m.piece); }
    void operator()(const BitfieldMessage& m) {
        head(MessageId::bitfield, m.payload.size()).bytes(m.payload);
    }
    void operator()(const Request& m) { block(MessageId::request, m.block); }
    void operator()(const Cancel& m) { block(MessageId::cancel, m.block); }
    void operator()(const Port& m) { head(MessageId::port, 2).u16(m.port); }
    void operator()(const SuggestPiece& m) { indexed(MessageId::suggest_piece, m.piece); }
    void operator()(const HaveAll&) { plain(MessageId::have_all); }
    void operator()(const HaveNone&) { plain(MessageId::have_none); }
    void operator()(const RejectRequest& m) { block(MessageId::reject_request, m.block); }
    void operator()(const AllowedFast& m) { indexed(MessageId::allowed_fast, m.piece); }
    void operator()(const Extended& m) {
        head(MessageId::extended, 1 + m.payload.size()).u8(m.id).bytes(m.payload);
    }
    void operator()(const Unknown&) {}  // received, but never sent

  private:
    ByteWriter& head(MessageId id, std::size_t payload_size) {
        return out_.u32(static_cast<std::uint32_t>(kIdSize + payload_size)).u8(static_cast<std::uint8_t>(id));
    }
    void plain(MessageId id) { head(id, 0); }
    void indexed(MessageId id, PieceIndex piece) { head(id, kIndexSize).u32(piece.value()); }
    void block(MessageId id, const BlockRef& b) {
        head(id, kBlockRefSize).u32(b.piece.value()).u32(b.offset_in_piece).u32(b.size);
    }

    ByteWriter out_;
};

}  // namespace

Result<Message> parse_message(ByteView body) {
    if (body.empty()) return Message(KeepAlive{});
    ByteReader reader(body);
    const auto raw_id = reader.u8();
    const auto id = static_cast<MessageId>(raw_id);

    const auto plain = [&](Message m) -> Result<Message> {
        if (!reader.finished()) return Errc::message_malformed;
        return m;
    };
    const auto indexed = [&]<class M>(M m) -> Result<Message> {
        m.piece = PieceIndex(reader.u32());
        return plain(m);
    };
    const auto block = [&]<class M>(M m) -> Result<Message> {
        auto parsed = parse_block(reader);
        if (!parsed) return parsed.error();
        m.block = *parsed;
        return Message(m);
    };
    switch (id) {
        case MessageId::choke:
            return plain(Choke{});
        case MessageId::unchoke:
            return plain(Unchoke{});
        case MessageId::interested:
            return plain(Interested{});
        case MessageId::not_interested:
            return plain(NotInterested{});
        case MessageId::have:
            return indexed(Have{});
        case MessageId::bitfield:
            return Message(BitfieldMessage{reader.rest()});
        case MessageId::request:
            return block(Request{});
        case MessageId::cancel:
            return block(Cancel{});
        case MessageId::port: {
            const std::uint16_t port = reader.u16();
            return plain(Port{port});
        }
        case MessageId::suggest_piece:
            return indexed(SuggestPiece{});
        case MessageId::have_all:
            return plain(HaveAll{});
        case MessageId::have_none:
            return plain(HaveNone{});
        case MessageId::reject_request:
            return block(RejectRequest{});
        case MessageId::allowed_fast:
            return indexed(AllowedFast{});
        case MessageId::extended: {
            const std::uint8_t extended_id = reader.u8();
            if (!reader.ok()) return Errc::message_malformed;
            return Message(Extended{extended_id, reader.rest()});
        }
        case MessageId::piece:
            return Errc::message_malformed;  // InboundStream handles it before
    }
    return Message(Unknown{raw_id});
}

void append_message(Bytes& out, const Message& message) {
    std::visit(Appender(out), message);
}

void write_piece_header(std::span<std::byte, kPieceHeaderSize> out, const BlockRef& block) {
    store_big_endian(out.data(), static_cast<std::uint32_t>(9 + block.size));
    out[4] = static_cast<std::byte>(MessageId::piece);
    store_big_endian(out.data() + 5, block.piece.value());
    store_big_endian(out.data() + 9, block.offset_in_piece);
}

}  // namespace btfs::wire
