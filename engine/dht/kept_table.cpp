#include "engine/dht/kept_table.hpp"

#include <algorithm>

#include "engine/metainfo/bencode.hpp"

namespace btfs::dht {
namespace {

constexpr std::pair<const char*, AddressFamily> kKeys[] = {{"nodes", AddressFamily::v4},
                                                           {"nodes6", AddressFamily::v6}};

}  // namespace

std::vector<Contact> to_keep(std::vector<Contact> now, std::span<const Contact> earlier) {
    for (const Contact& contact : earlier) {
        if (now.size() >= kEnoughNodes) break;
        const bool known = std::ranges::any_of(
            now, [&](const Contact& other) { return other.endpoint == contact.endpoint; });
        if (!known) now.push_back(contact);
    }
    return now;
}

Bytes write_table(std::span<const Contact> contacts) {
    Bytes out;
    bencode::Writer writer(out);
    writer.begin_dictionary();
    for (const auto& [key, family] : kKeys) {
        Bytes compact;
        append_compact(compact, contacts, family);
        writer.key(key).string(compact);
    }
    writer.end();
    return out;
}

std::vector<Contact> read_table(ByteView kept) {
    std::vector<Contact> contacts;
    const auto document = bencode::decode(kept);
    if (!document) return contacts;
    for (const auto& [key, family] : kKeys) {
        const auto compact = document->root().find(key, bencode::Kind::string);
        if (!compact) continue;
        for (const Contact& contact : parse_compact(as_bytes(compact->string()), family, kMaxKeptNodes))
            contacts.push_back(contact);
    }
    return contacts;
}

}  // namespace btfs::dht
