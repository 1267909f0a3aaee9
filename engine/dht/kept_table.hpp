// The nodes of a routing table as they are kept for the next run.
#pragma once

#include <span>
#include <vector>

#include "engine/dht/contact.hpp"

namespace btfs::dht {

/// Of each family.
inline constexpr std::size_t kMaxKeptNodes = 300;
/// Of both families: enough to begin with, though many of them have left meanwhile.
inline constexpr std::size_t kEnoughNodes = 64;

/// What the next run is to begin with: whom we know now, and up to kEnoughNodes of whom the last run knew,
/// since a short one does not meet them all again.
std::vector<Contact> to_keep(std::vector<Contact> now, std::span<const Contact> earlier);

/// A bencoded dictionary with "nodes" and "nodes6", in the compact form of BEP 5 and BEP 32.
Bytes write_table(std::span<const Contact> contacts);
/// At most kMaxKeptNodes of each family; nothing from what is malformed.
std::vector<Contact> read_table(ByteView kept);

}  // namespace btfs::dht
