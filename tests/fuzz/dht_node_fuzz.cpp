// A DHT node that hears anything from anybody stays within its bounds, and sends no datagram that is too large.
#include <cstdlib>

#include "engine/dht/node.hpp"

using namespace btfs;
using namespace btfs::dht;

namespace {

constexpr std::size_t kMaxAnswers = 600;  // to one datagram: of all lookups that may go on, and itself

/// Makes a reply to what the node has just asked out of the fuzzer's bytes: else none would be listened to.
Bytes as_reply(const Datagram& asked, ByteView fuzz) {
    Bytes reply;
    const auto query = parse_krpc(asked.bytes);
    ByteWriter out(reply);
    out.text("d1:rd2:id20:").bytes(std::get<Query>(*query).sender.view());
    out.bytes(fuzz).text("e1:t4:").text(std::get<Query>(*query).transaction).text("1:y1:re");
    return reply;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteView rest(reinterpret_cast<const std::byte*>(data), size);
    Rng rng(1);
    TimePoint now{1h};
    Node node(AddressFamily::v4, rng, now);
    node.add_router(*Endpoint::parse("192.0.2.1:6881"), true, now);
    node.find_peers(random_id(rng), Node::Announce{6881, false}, now);
    std::optional<Datagram> last;
    while (rest.size() >= 3) {
        const auto control = std::to_integer<unsigned>(rest[0]);
        const std::size_t length = std::min<std::size_t>(rest.size() - 3, load_big_endian<std::uint16_t>(&rest[1]) % 2048);
        const ByteView fuzz = rest.subspan(3, length);
        rest = rest.subspan(3 + length);
        const Endpoint stranger{*Address::from_bytes(std::array{std::byte{192}, std::byte{0}, std::byte{2},
                                                                static_cast<std::byte>(control >> 2)}),
                                6881};
        if (control % 4 == 0) {
            now += 700ms * (1 + control);
            node.handle_timeout(now);
        } else if (control % 4 == 1 && last) {
            node.handle_datagram(last->to, as_reply(*last, fuzz), now);
        } else {
            node.handle_datagram(stranger, fuzz, now);
        }
        std::size_t answers = 0;
        while (auto datagram = node.poll_datagram()) {
            if (datagram->bytes.size() > kMaxDatagram || ++answers > kMaxAnswers) std::abort();
            const auto message = parse_krpc(datagram->bytes);
            if (!message) std::abort();
            if (std::holds_alternative<Query>(*message)) last = std::move(datagram);
        }
        while (node.poll_event()) {}
    }
    if (node.table().size() > 8 * 160 || node.peers().size() > PeerStore::kMaxPeers) std::abort();
    return 0;
}
