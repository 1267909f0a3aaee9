// PCP replies of any content: lifetimes are bounded, and only a reply with the request's nonce ends an
// exchange about a mapping.
#include <algorithm>
#include <cstdlib>
#include <span>
#include <vector>

#include "engine/portmap/pcp_exchange.hpp"
#include "engine/portmap/pcp_server_state.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    using namespace btfs::portmap;
    // The copy on the heap ends with the bytes, so that ASan sees reads beyond them.
    const std::vector<std::uint8_t> copy(data, data + size);
    const ByteView datagram = std::as_bytes(std::span(copy));

    PcpServerState state([](std::span<std::byte> out) { std::fill(out.begin(), out.end(), std::byte{'N'}); });
    const PcpRequest request{.client = *Address::parse("192.168.1.7"),
                             .lifetime = kMappingLease,
                             .mapping = PcpRequest::Mapping{.nonce = state.nonce(Transport::tcp, 6881),
                                                            .transport = Transport::tcp,
                                                            .internal_port = 6881,
                                                            .wanted_port = 6881,
                                                            .wanted_address = {}}};
    const TimePoint now = TimePoint{} + 1000h;
    PcpExchange exchange(request, now, 1);
    exchange.handle_datagram(datagram);
    const auto outcome = exchange.outcome(now);
    if (!outcome) return 0;
    const PcpReply& reply = **outcome;
    const bool success = reply.result == PcpResult::success;
    if (reply.lifetime > (success ? PcpReply::kLongestLifetime : PcpReply::kLongestErrorLifetime))
        std::abort();
    if (reply.result != PcpResult::unsupported_version &&
        (!reply.mapping || reply.mapping->nonce != request.mapping->nonce ||
         reply.mapping->internal_port != 6881 || reply.mapping->transport != Transport::tcp))
        std::abort();
    state.handle_reply({.result = PcpResult::success, .epoch_s = 1000, .mapping = {}}, now);
    state.handle_reply(reply, now + 1s);
    return 0;
}
