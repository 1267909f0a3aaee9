// Extended handshakes (BEP 10), one after the other: each updates the result of those before.
#include <cstdlib>

#include "engine/wire/extended.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    ByteView rest = std::as_bytes(std::span(data, size));
    wire::ExtendedHandshake said;
    while (!rest.empty()) {
        const std::size_t length =
            std::min<std::size_t>(rest.size(), 1 + 4 * std::to_integer<std::size_t>(rest.front()));
        const auto next = said.updated(rest.first(length).subspan(1));
        rest = rest.subspan(length);
        if (!next) continue;
        said = *next;
        if (said.client.size() > 64) std::abort();
        const auto again = wire::ExtendedHandshake::parse(said.encode());
        if (!again || again->dont_have_id != said.dont_have_id || again->metadata_id != said.metadata_id ||
            again->pex_id != said.pex_id || again->holepunch_id != said.holepunch_id ||
            again->reqq != said.reqq || again->listen_port != said.listen_port ||
            again->metadata_size != said.metadata_size || again->client != said.client ||
            again->upload_only != said.upload_only || again->your_address != said.your_address)
            std::abort();
    }
    (void)wire::parse_dont_have(std::as_bytes(std::span(data, size)));
    return 0;
}
