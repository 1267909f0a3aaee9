// A peer that sends anything, in any bites, to a session that has requests in flight. Nothing may be written
// outside of the places given for blocks (ASan watches), and the session ends or goes on, but never hangs.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>

#include "engine/wire/peer_session.hpp"

namespace {

using namespace btfs;

struct Places final : wire::BlockPlaces {
    std::span<std::byte> place_of(const BlockRef& block) override {
        if (block.offset_in_piece % 32768 != 0) return {};  // every other block has a place of its own
        auto& place = memory[block];
        if (place.empty()) place.resize(block.size);
        return place;
    }
    std::map<BlockRef, std::vector<std::byte>> memory;
};

constexpr std::uint32_t kPieceLength = 65536;
constexpr std::uint32_t kPieces = 9;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    const Layout layout(kPieceLength, {{0, kPieceLength * std::uint64_t{kPieces} - 5000, false}});
    const Bitfield have(kPieces, size % 2 == 0);
    Places places;
    TimePoint now = TimePoint{} + 1h;
    wire::PeerSession session({.direction = wire::Direction::incoming,
                               .identity = identity,
                               .layout = &layout,
                               .our_id = {},
                               .remote = *Endpoint::parse("192.0.2.1:1"),
                               .have = have},
                              places, now);
    wire::Handshake hello;
    hello.capabilities = {.fast = size % 3 != 0, .extended = true, .dht = false, .v2 = false};
    hello.info_hash = identity.wire_hash();
    hello.peer_id.fill(std::byte{7});
    session.handle_bytes(hello.encode(), now);

    std::uint32_t next = 0;
    while (size > 1) {
        // The first byte of each bite says how long it is.
        std::size_t bite = std::min<std::size_t>(data[0] * 16u + 1, size - 1);
        ++data;
        --size;
        while (bite > 0) {
            iovec buffers[40];
            const std::size_t count = session.receive_buffers(buffers);
            if (count == 0) return 0;
            std::size_t placed = 0;
            for (std::size_t i = 0; i < count && bite > 0; ++i) {
                const std::size_t n = std::min(buffers[i].iov_len, bite);
                std::memcpy(buffers[i].iov_base, data, n);
                data += n;
                size -= n;
                bite -= n;
                placed += n;
            }
            now += 1ms;
            session.handle_received(placed, now);
            bool failed = false;
            while (const auto event = session.poll_event()) {
                failed = failed || std::holds_alternative<wire::Failed>(*event);
                if (const auto* wanted = std::get_if<wire::BlockWanted>(&*event))
                    session.refuse_block(wanted->block);
            }
            if (failed) return 0;
            for (; next < 24; ++next) {
                const BlockRef block{PieceIndex(next / 3 % kPieces), next % 3 * kBlockSize, kBlockSize};
                if (!session.may_request(block.piece) || session.requests().size() >= session.reqq()) break;
                session.request(block, now);
                if (next % 5 == 4) session.cancel(block, now);
            }
        }
    }
    iovec buffers[64];
    while (const std::size_t count = session.send_buffers(buffers)) {
        std::size_t total = 0;
        for (std::size_t i = 0; i < count; ++i) total += buffers[i].iov_len;
        session.handle_sent(total, now);
    }
    return 0;
}
