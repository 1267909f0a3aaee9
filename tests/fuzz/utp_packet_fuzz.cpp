// Headers of uTP packets, and what is answered to a SYN while connections are taken over TCP alone.
#include <algorithm>
#include <cstdlib>

#include "engine/utp/packet.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    const ByteView raw = std::as_bytes(std::span(data, size));
    const auto header = utp::PacketHeader::parse(raw);
    const auto refusal = utp::refusal_of(raw);
    if (refusal.has_value() != (header && header->type == utp::PacketType::syn)) std::abort();
    // An answer may not be longer than what it answers, or a forged sender would be hit harder than we are.
    if (refusal && refusal->size() > size) std::abort();
    if (!header) return 0;
    const Bytes again = header->encode();
    if (!std::ranges::equal(again, raw.first(utp::PacketHeader::kSize))) std::abort();
    return 0;
}
