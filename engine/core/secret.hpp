// Secrets: random bytes that nobody can predict, and hashes keyed with them.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "engine/core/hash.hpp"

namespace btfs {

/// Source of a machine's secrets; passed in, so that tests repeat.
using SecretSource = std::function<void(std::span<std::byte>)>;

/// Fills from OpenSSL's generator. Throws std::runtime_error if the system has no randomness to give.
void fill_secret(std::span<std::byte> out);

/// Compares a secret with what somebody gave for it, in a time that says nothing of where they differ: only
/// whether their lengths do.
bool is_same_secret(std::string_view secret, std::string_view given);

/// HMAC-SHA-256 (RFC 2104): a hash that only those who know the key can make.
Sha256Digest hmac_sha256(ByteView key, ByteView bytes);

}  // namespace btfs
