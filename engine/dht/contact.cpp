#include "engine/dht/contact.hpp"

namespace btfs::dht {

void append_compact(Bytes& out, std::span<const Contact> contacts, AddressFamily family) {
    for (const Contact& contact : contacts) {
        if (contact.endpoint.address.family() != family) continue;
        ByteWriter(out).bytes(contact.id.view());
        contact.endpoint.append_compact(out);
    }
}

std::vector<Contact> parse_compact(ByteView compact, AddressFamily family, std::size_t max_count) {
    const std::size_t size = NodeId::kSize + (family == AddressFamily::v4 ? 6 : 18);
    std::vector<Contact> contacts;
    for (; compact.size() >= size && contacts.size() < max_count; compact = compact.subspan(size)) {
        const auto endpoint = Endpoint::from_compact(compact.subspan(NodeId::kSize, size - NodeId::kSize));
        if (endpoint && endpoint->is_dialable())
            contacts.push_back({NodeId::from(compact.first(NodeId::kSize)), *endpoint});
    }
    return contacts;
}

}  // namespace btfs::dht
