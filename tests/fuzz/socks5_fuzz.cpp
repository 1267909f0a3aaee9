// Bytes of a proxy: a negotiation's result does not depend on how its bytes are cut, no machine takes more
// than there is, and datagrams of a relay are read as they are written. The first byte chooses the machine
// and the size of the parts.
#include <algorithm>

#include "engine/proxy/http_connect.hpp"
#include "engine/proxy/proxy_url.hpp"
#include "engine/proxy/relayed_datagram.hpp"
#include "engine/proxy/socks5_client.hpp"
#include "tests/fuzz/fuzz_input.hpp"

namespace {

using namespace btfs;
using fuzz::require;
using namespace btfs::proxy;

struct Outcome {
    Error error;
    bool done = false;
    std::size_t taken = 0;
    Bytes sent;
    bool operator==(const Outcome&) const = default;
};

template <class Machine>
Outcome negotiate(Machine machine, ByteView bytes, std::size_t step) {
    Outcome outcome;
    for (;;) {
        const Bytes sent = machine.take_output();
        outcome.sent.insert(outcome.sent.end(), sent.begin(), sent.end());
        if (machine.done() || outcome.error || bytes.empty()) break;
        const ByteView part = bytes.first(std::min(step, bytes.size()));
        const auto taken = machine.handle_bytes(part);
        if (!taken) {
            outcome.error = taken.error();
            continue;
        }
        require(*taken <= part.size() && (*taken == part.size() || machine.done()));
        outcome.taken += *taken;
        bytes = bytes.subspan(*taken);
    }
    outcome.done = machine.done() && !outcome.error;
    if (outcome.error) outcome.taken = 0;  // which of the parts was the last depends on the cut
    return outcome;
}

template <class Machine>
void check(const Machine& machine, ByteView bytes, std::size_t step) {
    require(negotiate(machine, bytes, step) == negotiate(machine, bytes, bytes.size() + 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const ByteView bytes = std::as_bytes(std::span(data + 1, size - 1));
    const std::size_t step = 1 + data[0] % 16;
    const Credentials login = (data[0] & 16) != 0 ? Credentials{"me", "secret"} : Credentials{};
    switch (data[0] >> 5 & 3) {
        case 0:
            check(Socks5Client(Socks5Client::Command::connect, {"peer.example", 1}, login), bytes, step);
            break;
        case 1:
            check(HttpConnect({"peer.example", 1}, login), bytes, step);
            break;
        case 2:
            if (const auto datagram = RelayedDatagram::parse(bytes)) {
                Bytes again;
                append_relay_header(again, datagram->from);
                ByteWriter(again).bytes(datagram->payload);
                // IPv6 addresses that hold IPv4 ones become these.
                require(RelayedDatagram::parse(again)->from == datagram->from);
            }
            break;
        default:
            if (const auto url = ProxyUrl::parse(as_text(bytes))) {
                const auto shown = ProxyUrl::parse(url->shown());
                require(shown && shown->host == url->host && shown->port == url->port);
                require(shown->credentials.empty());
            }
    }
    return 0;
}
