// The nodes of a routing table as they are kept for the next run.
#pragma once

#include <span>
#include <vector>

#include "engine/dht/contact.hpp"

namespace btfs::dht {

/// Limit for each address family.
inline constexpr std::size_t kMaxKeptNodes = 300;
/// Nodes of both families together that suffice for a start, even if many of them have left meanwhile.
inline constexpr std::size_t kEnoughNodes = 64;

/// Returns the nodes to keep for the next run: those known now, and up to kEnoughNodes of those that the last
/// run knew, since a short run does not meet them all again.
std::vector<Contact> to_keep(std::vector<Contact> now, std::span<const Contact> earlier);

/// A bencoded dictionary with "nodes" and "nodes6", in the compact form of BEP 5 and BEP 32.
Bytes write_table(std::span<const Contact> contacts);
/// At most kMaxKeptNodes of each family; nothing from what is malformed.
std::vector<Contact> read_table(ByteView kept);

}  // namespace btfs::dht
