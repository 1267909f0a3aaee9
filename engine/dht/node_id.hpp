// Ids of DHT nodes, and the distance between two (BEP 5, BEP 42).
#pragma once

#include "engine/core/endpoint.hpp"
#include "engine/core/hash.hpp"
#include "engine/core/rng.hpp"

namespace btfs::dht {

/// 160 bits; info-hashes lie in the same space. The distance of two is their XOR, taken as a number.
using NodeId = Sha1Digest;

NodeId random_id(Rng& rng);
/// Shares exactly the first `bits` bits with `id` (less than 160).
NodeId random_id_near(const NodeId& id, int bits, Rng& rng);
/// An id as BEP 42 asks of the node with that address. Of its last byte the low three bits select which.
NodeId secure_id(const Address& address, Rng& rng);

/// The leading bits that two have in common: 160 for equal ones.
int common_bits(const NodeId& a, const NodeId& b);
/// True if `a` is nearer to `target` than `b` is.
bool is_nearer(const NodeId& a, const NodeId& b, const NodeId& target);
/// True for an id that its address may have (BEP 42). Addresses of this machine and of private networks may
/// have any.
bool is_secure(const NodeId& id, const Address& address);

}  // namespace btfs::dht
