// ut_pex: a message that parses is bounded, and is written so that it reads the same.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "engine/wire/pex_message.hpp"

namespace {

using namespace btfs;

// Sorts entries by family, the order in which they are read back: IPv4 addresses may have been in the IPv6
// lists.
template <class T, class Projection>
std::vector<T> by_family(std::vector<T> list, Projection endpoint) {
    std::ranges::stable_sort(list, {}, [&](const T& entry) { return endpoint(entry).address.family(); });
    const auto is_v4 = [&](const T& entry) { return endpoint(entry).address.is_v4(); };
    const auto v4 = std::ranges::partition_point(list, is_v4);
    if (v4 - list.begin() > static_cast<std::ptrdiff_t>(wire::PexMessage::kMaxEntries))
        list.erase(list.begin() + wire::PexMessage::kMaxEntries, v4);
    return list;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto message = wire::PexMessage::parse(std::as_bytes(std::span(data, size)));
    if (!message) return 0;
    constexpr std::size_t kMost = 2 * wire::PexMessage::kMaxEntries;
    if (message->added.size() > kMost || message->dropped.size() > kMost) std::abort();
    const Bytes written = message->encode();
    const auto again = wire::PexMessage::parse(written);
    if (!again) std::abort();
    const auto endpoint = [](const wire::PexPeer& peer) { return peer.endpoint; };
    if (again->added != by_family(message->added, endpoint)) std::abort();
    if (again->dropped != by_family(message->dropped, std::identity{})) std::abort();
    return 0;
}
