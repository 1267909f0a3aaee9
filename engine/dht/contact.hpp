// Nodes as they are told of: an id and where it can be asked, in the compact form of BEP 5 and BEP 32.
#pragma once

#include <span>
#include <vector>

#include "engine/dht/node_id.hpp"

namespace btfs::dht {

/// A node that can be asked.
struct Contact {
    NodeId id;
    Endpoint endpoint;
    bool operator==(const Contact&) const = default;
};

/// Appends 26 or 38 bytes for each of the family; the others are left out.
void append_compact(Bytes& out, std::span<const Contact> contacts, AddressFamily family);
/// At most `max_count`. Those that cannot be asked are left out, as is what follows the last whole one.
std::vector<Contact> parse_compact(ByteView compact, AddressFamily family, std::size_t max_count);

}  // namespace btfs::dht
