#include "engine/wire/pex_message.hpp"

#include <algorithm>
#include <string_view>

#include "engine/metainfo/bencode.hpp"

namespace btfs::wire {
namespace {

constexpr bencode::Limits kPexLimits{.max_size = 64 * 1024, .max_depth = 4, .max_tokens = 64};

/// Keys of one address family, and the size of its entries.
struct Keys {
    std::size_t entry_size;
    std::string_view added, flags, dropped;
};
constexpr Keys kV4{6, "added", "added.f", "dropped"};
constexpr Keys kV6{18, "added6", "added6.f", "dropped6"};

ByteView string_of(const bencode::Value& message, std::string_view key) {
    const auto value = message.find(key, bencode::Kind::string);
    return value ? as_bytes(value->string()) : ByteView{};
}

std::vector<Endpoint> endpoints_of(ByteView compact, std::size_t entry_size) {
    const std::size_t count = std::min(compact.size() / entry_size, PexMessage::kMaxEntries);
    std::vector<Endpoint> endpoints;
    for (std::size_t i = 0; i < count; ++i)
        endpoints.push_back(*Endpoint::from_compact(compact.subspan(i * entry_size, entry_size)));
    return endpoints;
}

}  // namespace

Bytes PexMessage::encode() const {
    // One key for each family that has entries.
    struct Lists {
        Bytes added, flags, dropped;
    } v4, v6;
    const auto of = [&](const Endpoint& endpoint) -> Lists& { return endpoint.address.is_v4() ? v4 : v6; };
    for (const PexPeer& peer : added) {
        peer.endpoint.append_compact(of(peer.endpoint).added);
        of(peer.endpoint).flags.push_back(std::byte{peer.flags});
    }
    for (const Endpoint& endpoint : dropped) endpoint.append_compact(of(endpoint).dropped);

    Bytes out;
    bencode::Writer writer(out);
    const auto put = [&](std::string_view key, const Bytes& list) {
        if (!list.empty()) writer.key(key).string(list);
    };
    writer.begin_dictionary();
    put(kV4.added, v4.added);
    put(kV4.flags, v4.flags);
    put(kV6.added, v6.added);
    put(kV6.flags, v6.flags);
    put(kV4.dropped, v4.dropped);
    put(kV6.dropped, v6.dropped);
    writer.end();
    return out;
}

Result<PexMessage> PexMessage::parse(ByteView payload) {
    const auto document = bencode::decode_prefix(payload, kPexLimits);
    if (!document || !document->root().is_dictionary()) return Errc::message_malformed;
    const bencode::Value root = document->root();
    PexMessage message;
    for (const Keys& keys : {kV4, kV6}) {
        const ByteView flags = string_of(root, keys.flags);
        const auto added = endpoints_of(string_of(root, keys.added), keys.entry_size);
        for (std::size_t i = 0; i < added.size(); ++i)
            message.added.push_back(
                {added[i], i < flags.size() ? std::to_integer<std::uint8_t>(flags[i]) : std::uint8_t{0}});
        const auto dropped = endpoints_of(string_of(root, keys.dropped), keys.entry_size);
        message.dropped.insert(message.dropped.end(), dropped.begin(), dropped.end());
    }
    return message;
}

}  // namespace btfs::wire
