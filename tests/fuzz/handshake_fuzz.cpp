// Handshake, the 68 bytes that open a connection: one that parses is encoded to the same content.
#include <cstdlib>

#include "engine/wire/handshake.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    const ByteView raw = std::as_bytes(std::span(data, size));
    const auto hash = wire::Handshake::parse_hash(raw);
    if (hash.has_value() != (size >= 48)) std::abort();
    const auto parsed = wire::Handshake::parse(raw);
    if (!parsed) return 0;
    if (size != wire::Handshake::kSize || parsed->info_hash != *hash) std::abort();
    const auto again = wire::Handshake::parse(parsed->encode());
    if (!again || *again != *parsed) std::abort();
    (void)wire::client_tag(parsed->peer_id);
    return 0;
}
