// SHA-1 and SHA-256 digests, and hashing that can be fed bit by bit.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/core/bytes.hpp"

struct evp_md_ctx_st;

namespace btfs {

template <std::size_t Size>
struct Digest {
    static constexpr std::size_t kSize = Size;
    std::array<std::byte, Size> bytes{};

    /// From exactly Size raw bytes (the caller checked the length).
    static Digest from(ByteView raw) {
        Digest d;
        std::memcpy(d.bytes.data(), raw.data(), Size);
        return d;
    }
    static std::optional<Digest> from_hex(std::string_view hex);
    std::string hex() const;
    ByteView view() const { return bytes; }
    auto operator<=>(const Digest&) const = default;
};

using Sha1Digest = Digest<20>;
using Sha256Digest = Digest<32>;

extern template struct Digest<20>;
extern template struct Digest<32>;

/// An incremental hash; finish() gives the digest and starts anew. Not shared between threads.
template <class D>
class Hasher {
  public:
    Hasher();
    ~Hasher();
    Hasher(Hasher&&) noexcept;
    Hasher& operator=(Hasher&&) noexcept;

    void update(ByteView bytes);
    D finish();

  private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

using Sha1 = Hasher<Sha1Digest>;
using Sha256 = Hasher<Sha256Digest>;

extern template class Hasher<Sha1Digest>;
extern template class Hasher<Sha256Digest>;

Sha1Digest sha1(ByteView bytes);
Sha256Digest sha256(ByteView bytes);

}  // namespace btfs

template <std::size_t Size>
struct std::hash<btfs::Digest<Size>> {
    std::size_t operator()(const btfs::Digest<Size>& digest) const noexcept {
        std::size_t value;
        std::memcpy(&value, digest.bytes.data(), sizeof value);
        return value;
    }
};
