#include "engine/dht/kept_table.hpp"

#include "engine/metainfo/bencode.hpp"

namespace btfs::dht {
namespace {

constexpr std::pair<const char*, AddressFamily> kKeys[] = {{"nodes", AddressFamily::v4},
                                                           {"nodes6", AddressFamily::v6}};

}  // namespace

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
