// Whole DHT node that receives any datagrams from any address: its memory, replies and queries stay bounded.
#include <cstdlib>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/allocator_interface.h>
#define BTFS_COUNTS_MEMORY
#endif
#endif

#include "engine/dht/node.hpp"

using namespace btfs;
using namespace btfs::dht;

namespace {

constexpr std::size_t kMaxAnswers = 600;  // to one datagram: queries of all look-ups, and the reply
/// Queries of all look-ups that may run at a time, with time-outs and repetitions, in a second.
constexpr double kMaxQueriesPerSecond = 400;
constexpr double kQueryBurst = 2.0 * Node::kMaxPending;
constexpr std::size_t kMaxMemory = 16 << 20;

std::size_t memory() {
#ifdef BTFS_COUNTS_MEMORY
    return __sanitizer_get_current_allocated_bytes();
#else
    return 0;
#endif
}

void check(bool holds) {
    if (!holds) std::abort();
}

/// Makes a reply to the node's query out of the fuzzer's bytes: the node ignores replies to no query.
Bytes as_reply(const Datagram& asked, ByteView fuzz) {
    Bytes reply;
    const auto query = parse_krpc(asked.bytes);
    ByteWriter out(reply);
    out.text("d1:rd2:id20:").bytes(std::get<Query>(*query).sender.view());
    out.bytes(fuzz).text("e1:t4:").text(std::get<Query>(*query).transaction).text("1:y1:re");
    return reply;
}

Endpoint stranger(AddressFamily family, unsigned number) {
    Bytes raw;
    ByteWriter out(raw);
    if (family == AddressFamily::v4) {
        out.u32(0xc0000200 + number);
    } else {
        out.u32(0x20010db8).u32(number).u32(0).u32(number);
    }
    return {*Address::from_bytes(raw), 6881};
}

/// Counts sent datagrams: replies and queries.
struct Output {
    double replies = 0;  ///< bytes
    double queries = 0;
    std::optional<Datagram> last_query;

    void take(Node& node) {
        std::size_t at_once = 0;
        while (auto datagram = node.poll_datagram()) {
            check(++at_once <= kMaxAnswers);
            const auto message = parse_krpc(datagram->bytes);
            check(message.has_value());
            if (std::holds_alternative<Query>(*message)) {
                check(datagram->bytes.size() <= kMaxDatagram);
                ++queries;
                last_query = std::move(datagram);
            } else {
                // With the two filters of a scrape (BEP 33) a reply is longer.
                check(datagram->bytes.size() <= kMaxDatagram + 2 * PeerFilter::kSize + 64);
                replies += static_cast<double>(datagram->bytes.size());
            }
        }
        while (node.poll_event()) {
        }
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteView rest(reinterpret_cast<const std::byte*>(data), size);
    if (rest.empty()) return 0;
    const AddressFamily family = rest[0] < std::byte{0x80} ? AddressFamily::v4 : AddressFamily::v6;
    const std::size_t memory_before = memory();
    Rng rng(1);
    const TimePoint begun{1h};
    TimePoint now = begun;
    Node node(family, rng, now);
    Output output;
    node.add_router(stranger(family, 1), true, now);
    node.find_peers(random_id(rng), Node::Announce{6881, false}, now);
    output.take(node);
    while (rest.size() >= 3) {
        const auto control = std::to_integer<unsigned>(rest[0]);
        const std::size_t length =
            std::min<std::size_t>(rest.size() - 3, load_big_endian<std::uint16_t>(&rest[1]) % 2048);
        const ByteView fuzz = rest.subspan(3, length);
        rest = rest.subspan(3 + length);
        if (control % 8 == 0) {
            now += 100ms * (1 + control);
            node.handle_timeout(now);
        } else if (control % 8 == 1) {
            node.find_peers(random_id(rng), Node::Announce{6881, true}, now);
        } else if (control % 8 == 2 && control > 200) {
            node.handle_network_change(now);
        } else if (control % 2 == 1 && output.last_query) {
            node.handle_datagram(output.last_query->to, as_reply(*output.last_query, fuzz), now);
        } else {
            node.handle_datagram(stranger(family, control >> 3), fuzz, now);
        }
        output.take(node);
        check(node.next_timeout() > now || node.next_timeout() == kNever || control % 8 != 0);
    }
    const double elapsed = seconds(now - begun);
    check(output.replies <= ReplyBudget::kTotalBurst + ReplyBudget::kTotalRate * elapsed + 2 * kMaxDatagram);
    check(output.queries <= kQueryBurst + kMaxQueriesPerSecond * elapsed + static_cast<double>(size));
    check(node.table().size() <= 8 * 160 && node.peers().size() <= PeerStore::kMaxPeers);
    check(memory() <= memory_before + kMaxMemory);
    return 0;
}
