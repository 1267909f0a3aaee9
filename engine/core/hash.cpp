#include "engine/core/hash.hpp"

#include <openssl/evp.h>

#include <new>

#include "engine/core/hex.hpp"

namespace btfs {
namespace {

// Fetches the algorithm once: a lookup costs more than hashing a block.
template <class D>
const EVP_MD* algorithm() {
    static const EVP_MD* md = EVP_MD_fetch(nullptr, D::kSize == 20 ? "SHA1" : "SHA256", nullptr);
    return md;
}

template <class D>
D hash_of(ByteView bytes) {
    thread_local Hasher<D> hasher;
    hasher.update(bytes);
    return hasher.finish();
}

}  // namespace

template <std::size_t Size>
std::optional<Digest<Size>> Digest<Size>::from_hex(std::string_view hex) {
    const auto bytes = btfs::from_hex(hex);
    if (!bytes || bytes->size() != Size) return std::nullopt;
    return from(*bytes);
}

template <std::size_t Size>
std::string Digest<Size>::hex() const {
    return to_hex(bytes);
}

template struct Digest<20>;
template struct Digest<32>;

template <class D>
void Hasher<D>::Free::operator()(evp_md_ctx_st* context) const {
    EVP_MD_CTX_free(context);
}

template <class D>
Hasher<D>::Hasher() : context_(EVP_MD_CTX_new()) {
    if (!context_ || !EVP_DigestInit_ex2(context_.get(), algorithm<D>(), nullptr)) throw std::bad_alloc();
}

template <class D>
Hasher<D>::~Hasher() = default;
template <class D>
Hasher<D>::Hasher(Hasher&&) noexcept = default;
template <class D>
Hasher<D>& Hasher<D>::operator=(Hasher&&) noexcept = default;

template <class D>
void Hasher<D>::update(ByteView bytes) {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

template <class D>
D Hasher<D>::finish() {
    D digest;
    EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.bytes.data()), nullptr);
    EVP_DigestInit_ex2(context_.get(), nullptr, nullptr);
    return digest;
}

template class Hasher<Sha1Digest>;
template class Hasher<Sha256Digest>;

Sha1Digest sha1(ByteView bytes) { return hash_of<Sha1Digest>(bytes); }
Sha256Digest sha256(ByteView bytes) { return hash_of<Sha256Digest>(bytes); }

}  // namespace btfs
