// Datagrams of a tracker, one after another: a byte of length, then as many bytes. A datagram that begins
// with an action gets the right transaction id, which no fuzzer can guess.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/tracker/udp_announce.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    Rng rng(1);
    TimePoint now{};
    ByteReader in(std::as_bytes(std::span(data, size)));
    const AddressFamily family = in.u8() % 2 == 0 ? AddressFamily::v4 : AddressFamily::v6;
    tracker::UdpAnnounce announce({}, family, "/announce", {}, rng, now);
    Bytes sent = announce.poll_datagram().value_or(Bytes{});
    while (in.ok() && !announce.result()) {
        const ByteView raw = in.take(in.u8());
        Bytes datagram(raw.begin(), raw.end());
        if (datagram.size() >= 8) std::copy_n(sent.begin() + 12, 4, datagram.begin() + 4);
        announce.handle_datagram(datagram, now);
        if (datagram.empty()) announce.handle_timeout(now = announce.next_timeout());
        if (auto next = announce.poll_datagram()) sent = *next;
    }
    return 0;
}
