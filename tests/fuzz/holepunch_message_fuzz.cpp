// ut_holepunch: a message that parses is written so that it reads the same.
#include <cstdlib>

#include "engine/wire/holepunch_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    const auto message = wire::HolepunchMessage::parse(std::as_bytes(std::span(data, size)));
    if (!message || !*message) return 0;
    const Bytes written = (*message)->encode();
    if (written.size() != 12 && written.size() != 24) std::abort();
    const auto again = wire::HolepunchMessage::parse(written);
    if (!again || *again != *message) std::abort();
    return 0;
}
