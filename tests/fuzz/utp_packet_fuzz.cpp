// Headers of uTP packets, and the answer to a SYN: a reset, since connections are accepted over TCP only.
#include <algorithm>
#include <cstdlib>

#include "engine/utp/packet.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    const ByteView raw = std::as_bytes(std::span(data, size));
    const auto header = utp::PacketHeader::parse(raw);
    const auto refusal = utp::refusal_of(raw);
    if (refusal.has_value() != (header && header->type == utp::PacketType::syn)) std::abort();
    // The answer must not be longer than the SYN: with a forged sender it would amplify an attack.
    if (refusal && refusal->size() > size) std::abort();
    if (!header) return 0;
    const Bytes again = header->encode();
    if (!std::ranges::equal(again, raw.first(utp::PacketHeader::kSize))) std::abort();
    return 0;
}
