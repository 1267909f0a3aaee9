// Kept nodes of the DHT, read from a file of any content: their number is bounded, and a table that is
// written and read again has no more of them.
#include <algorithm>
#include <cstdlib>

#include "engine/dht/kept_table.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    const auto contacts = dht::read_table(std::as_bytes(std::span(data, size)));
    for (AddressFamily family : {AddressFamily::v4, AddressFamily::v6}) {
        const auto count = std::ranges::count_if(
            contacts, [&](const dht::Contact& c) { return c.endpoint.address.family() == family; });
        if (static_cast<std::size_t>(count) > 2 * dht::kMaxKeptNodes) std::abort();
    }
    if (contacts.size() > 2 * dht::kMaxKeptNodes) std::abort();
    if (dht::read_table(dht::write_table(contacts)).size() > contacts.size()) std::abort();
    const auto kept = dht::to_keep({}, contacts);
    if (kept.size() > dht::kEnoughNodes) std::abort();
    return 0;
}
