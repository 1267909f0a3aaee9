#include "engine/wire/metadata_message.hpp"

#include "engine/metainfo/bencode.hpp"

namespace btfs::wire {
namespace {

constexpr bencode::Limits kMetadataLimits{.max_size = 64 * 1024, .max_depth = 4, .max_tokens = 64};
constexpr int kRequest = 0, kData = 1, kReject = 2;

}  // namespace

Result<std::optional<MetadataMessage>> parse_metadata_message(ByteView payload) {
    const auto document = bencode::decode_prefix(payload, kMetadataLimits);
    if (!document || !document->root().is_dictionary()) return Errc::message_malformed;
    const bencode::Value root = document->root();
    const auto type = root.find_number<std::uint32_t>("msg_type");
    const auto piece = root.find_number<std::uint32_t>("piece");
    if (!type || !piece) return Errc::message_malformed;
    switch (*type) {
        case kRequest:
            return std::optional<MetadataMessage>(MetadataRequest{*piece});
        case kReject:
            return std::optional<MetadataMessage>(MetadataReject{*piece});
        case kData: {
            const auto total = root.find_number<std::uint32_t>("total_size");
            const ByteView data = payload.subspan(document->size());
            if (!total || data.size() > kMetadataPieceSize) return Errc::message_malformed;
            return std::optional<MetadataMessage>(MetadataData{*piece, *total, data});
        }
        default:
            return std::optional<MetadataMessage>();
    }
}

Bytes encode(const MetadataMessage& message) {
    Bytes out;
    bencode::Writer writer(out);
    const auto begin = [&](int type, std::uint32_t piece) {
        writer.begin_dictionary().key("msg_type").integer(type).key("piece").integer(piece);
    };
    if (const auto* request = std::get_if<MetadataRequest>(&message)) {
        begin(kRequest, request->piece);
        writer.end();
    } else if (const auto* reject = std::get_if<MetadataReject>(&message)) {
        begin(kReject, reject->piece);
        writer.end();
    } else {
        const auto& data = std::get<MetadataData>(message);
        begin(kData, data.piece);
        writer.key("total_size").integer(data.total_size).end();
        out.insert(out.end(), data.data.begin(), data.data.end());
    }
    return out;
}

}  // namespace btfs::wire
