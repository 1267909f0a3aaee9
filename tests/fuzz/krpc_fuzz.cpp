// KRPC: a message that parses is within the limits, and our answer to it fits in a datagram.
#include <cstdlib>

#include "engine/dht/item.hpp"
#include "engine/dht/krpc.hpp"

using namespace btfs;
using namespace btfs::dht;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto message = parse_krpc({reinterpret_cast<const std::byte*>(data), size});
    if (!message) return 0;
    if (auto* response = std::get_if<Response>(&*message)) {
        if (response->nodes.size() > 2 * kMaxNodes || response->values.size() > kMaxValues) std::abort();
        if (response->transaction.size() > kMaxTransaction || response->token.size() > kMaxToken) std::abort();
        if (response->item) {
            if (response->item->value.size() > kMaxItem) std::abort();
            (void)info_hash_of(*response->item);
            (void)proves(ItemName::immutable(response->sender), *response->item);
        }
        response->nodes.resize(std::min<std::size_t>(response->nodes.size(), 8));
        const bool filters = response->seed_filter || response->peer_filter;
        if (!filters && encode(*response).size() > kMaxDatagram) std::abort();
    } else if (const auto* query = std::get_if<Query>(&*message)) {
        if (query->transaction.size() > kMaxTransaction) std::abort();
        if (query->method.index() < std::variant_size_v<Method> - 2 && !parse_krpc(encode(*query))) std::abort();
    } else if (!parse_krpc(encode(std::get<ErrorReply>(*message)))) {
        std::abort();
    }
    return 0;
}
