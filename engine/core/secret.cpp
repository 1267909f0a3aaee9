#include "engine/core/secret.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <new>
#include <stdexcept>

namespace btfs {
namespace {

unsigned char* raw(std::byte* bytes) {
    return reinterpret_cast<unsigned char*>(bytes);
}

}  // namespace

void fill_secret(std::span<std::byte> out) {
    if (RAND_bytes(raw(out.data()), static_cast<int>(out.size())) != 1)
        throw std::runtime_error("the system has no random bytes to give");
}

bool is_same_secret(std::string_view secret, std::string_view given) {
    return secret.size() == given.size() && CRYPTO_memcmp(secret.data(), given.data(), secret.size()) == 0;
}

Sha256Digest hmac_sha256(ByteView key, ByteView bytes) {
    Sha256Digest digest;
    unsigned size = Sha256Digest::kSize;
    if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
              reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), raw(digest.bytes.data()),
              &size))
        throw std::bad_alloc();
    return digest;
}

}  // namespace btfs
