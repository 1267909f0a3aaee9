#include "engine/core/hash.hpp"

#include <openssl/evp.h>

#include <new>

namespace btfs {
namespace {

// Fetched once: looking an algorithm up costs more than hashing a block.
template <class D>
const EVP_MD* algorithm() {
    static const EVP_MD* md = EVP_MD_fetch(nullptr, D::kSize == 20 ? "SHA1" : "SHA256", nullptr);
    return md;
}

int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
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
    if (hex.size() != 2 * Size) return std::nullopt;
    Digest d;
    for (std::size_t i = 0; i < Size; ++i) {
        const int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        d.bytes[i] = static_cast<std::byte>(high << 4 | low);
    }
    return d;
}

template <std::size_t Size>
std::string Digest<Size>::hex() const {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    out.reserve(2 * Size);
    for (std::byte b : bytes) {
        out.push_back(kDigits[std::to_integer<unsigned>(b) >> 4]);
        out.push_back(kDigits[std::to_integer<unsigned>(b) & 15]);
    }
    return out;
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
