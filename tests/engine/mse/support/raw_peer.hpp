// RawPeer: the other side of an encryption handshake, put together byte by byte, rightly or wrongly.
#pragma once

#include <optional>
#include <string_view>

#include "engine/core/hash.hpp"
#include "engine/mse/key_exchange.hpp"
#include "engine/mse/rc4.hpp"

namespace btfs::mse::test {

inline Bytes joined(std::initializer_list<ByteView> parts) {
    Bytes all;
    for (const ByteView& part : parts) ByteWriter(all).bytes(part);
    return all;
}

inline Sha1Digest hash_of(std::string_view name, ByteView rest) {
    return sha1(joined({as_bytes(name), rest}));
}

class RawPeer {
  public:
    explicit RawPeer(const SecretSource& secrets = fill_secret) : keys(secrets) {}

    /// Takes the other side's key, which its first bytes are; after that the ciphers are there.
    void learn(ByteView sent, const Sha1Digest& info_hash, bool dialled) {
        secret = *keys.shared_secret(sent.first(kKeySize));
        const auto cipher = [&](std::string_view name) {
            Rc4 rc4(hash_of(name, joined({secret, info_hash.view()})).view());
            rc4.discard(1024);
            return rc4;
        };
        outgoing.emplace(cipher(dialled ? "keyA" : "keyB"));
        incoming.emplace(cipher(dialled ? "keyB" : "keyA"));
    }
    Bytes enciphered(Bytes bytes) {
        outgoing->apply(bytes);
        return bytes;
    }
    Bytes deciphered(ByteView bytes) {
        Bytes copy(bytes.begin(), bytes.end());
        incoming->apply(copy);
        return copy;
    }

    // Bytes that the dialling side sends behind its key and pad.
    Bytes synchronisation() const { return joined({hash_of("req1", secret).view()}); }
    Bytes named(const Sha1Digest& info_hash) const {
        Sha1Digest name = hash_of("req2", info_hash.view());
        const Sha1Digest mask = hash_of("req3", secret);
        for (std::size_t i = 0; i < name.bytes.size(); ++i) name.bytes[i] ^= mask.bytes[i];
        return joined({name.view()});
    }
    static Bytes offer(std::uint32_t methods, std::uint16_t pad_size, std::uint8_t verification = 0) {
        Bytes offer(8, static_cast<std::byte>(verification));
        ByteWriter(offer).u32(methods).u16(pad_size);
        return offer;
    }

    KeyExchange keys;
    Key secret{};
    std::optional<Rc4> incoming, outgoing;
};

}  // namespace btfs::mse::test
