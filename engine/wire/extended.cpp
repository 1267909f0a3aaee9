#include "engine/wire/extended.hpp"

#include "engine/metainfo/bencode.hpp"

namespace btfs::wire {
namespace {

constexpr bencode::Limits kExtendedLimits{.max_size = 64 * 1024, .max_depth = 8, .max_tokens = 512};
constexpr std::size_t kMaxClientName = 64;

using bencode::Kind;
using bencode::Value;

template <class T>
void take_number(const Value& dictionary, std::string_view key, T& out) {
    if (const auto number = dictionary.find_number<T>(key)) out = *number;
}

template <class T>
void take_number(const Value& dictionary, std::string_view key, std::optional<T>& out) {
    if (const auto number = dictionary.find_number<T>(key)) out = *number;
}

}  // namespace

Bytes ExtendedHandshake::encode() const {
    Bytes out;
    bencode::Writer writer(out);
    writer.begin_dictionary();
    writer.key("m").begin_dictionary();
    if (dont_have_id != 0) writer.key("lt_donthave").integer(dont_have_id);
    if (holepunch_id != 0) writer.key("ut_holepunch").integer(holepunch_id);
    if (metadata_id != 0) writer.key("ut_metadata").integer(metadata_id);
    if (pex_id != 0) writer.key("ut_pex").integer(pex_id);
    writer.end();
    if (metadata_size) writer.key("metadata_size").integer(*metadata_size);
    if (listen_port) writer.key("p").integer(*listen_port);
    if (reqq) writer.key("reqq").integer(*reqq);
    if (upload_only) writer.key("upload_only").integer(1);
    if (!client.empty()) writer.key("v").string(client);
    if (your_address) writer.key("yourip").string(your_address->bytes());
    writer.end();
    return out;
}

Result<ExtendedHandshake> ExtendedHandshake::updated(ByteView payload) const {
    auto document = bencode::decode_prefix(payload, kExtendedLimits);
    if (!document) return document.error();
    const Value root = document->root();
    if (!root.is_dictionary()) return Errc::bencode_wrong_type;
    ExtendedHandshake h = *this;
    if (const auto ids = root.find("m", Kind::dictionary)) {
        take_number(*ids, "lt_donthave", h.dont_have_id);
        take_number(*ids, "ut_holepunch", h.holepunch_id);
        take_number(*ids, "ut_metadata", h.metadata_id);
        take_number(*ids, "ut_pex", h.pex_id);
    }
    take_number(root, "reqq", h.reqq);
    take_number(root, "p", h.listen_port);
    take_number(root, "metadata_size", h.metadata_size);
    if (const auto upload = root.find_number<std::uint32_t>("upload_only")) h.upload_only = *upload != 0;
    if (const auto name = root.find("v", Kind::string)) h.client = name->string().substr(0, kMaxClientName);
    if (const auto yours = root.find("yourip", Kind::string))
        h.your_address = Address::from_bytes(as_bytes(yours->string()));
    return h;
}

Result<PieceIndex> parse_dont_have(ByteView payload) {
    ByteReader reader(payload);
    const PieceIndex piece(reader.u32());
    if (!reader.finished()) return Errc::message_malformed;
    return piece;
}

Bytes encode_dont_have(PieceIndex piece) {
    Bytes out;
    ByteWriter(out).u32(piece.value());
    return out;
}

}  // namespace btfs::wire
