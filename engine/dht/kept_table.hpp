// The nodes of a routing table as they are kept for the next run.
#pragma once

#include <span>
#include <vector>

#include "engine/dht/contact.hpp"

namespace btfs::dht {

/// Of each family.
inline constexpr std::size_t kMaxKeptNodes = 300;

/// A bencoded dictionary with "nodes" and "nodes6", in the compact form of BEP 5 and BEP 32.
Bytes write_table(std::span<const Contact> contacts);
/// At most kMaxKeptNodes of each family; nothing from what is malformed.
std::vector<Contact> read_table(ByteView kept);

}  // namespace btfs::dht
