// Metadata from peers that claim, send and refuse anything: a dictionary is accepted only if it has the
// torrent's hash, and memory stays bounded.
#include <algorithm>
#include <cstdlib>

#include "engine/swarm/metadata_fetch.hpp"
#include "engine/wire/metadata_message.hpp"

using namespace btfs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteView rest(reinterpret_cast<const std::byte*>(data), size);
    const Bytes info(wire::kMetadataPieceSize + 100, std::byte{'i'});
    const Identity identity{.v1 = sha1(info), .v2 = {}};
    MetadataFetch fetch(identity);
    TimePoint now{1h};
    while (rest.size() >= 4) {
        const auto control = std::to_integer<unsigned>(rest[0]);
        const ConnectionId peer = 1 + control / 8 % 8;
        const auto piece = std::to_integer<std::uint32_t>(rest[1]);
        // Claims the true size, or one with more or fewer pieces.
        const std::uint32_t claimed = rest[2] == std::byte{0}
                                          ? static_cast<std::uint32_t>(info.size())
                                          : std::to_integer<std::uint32_t>(rest[2]) * 1000;
        const std::uint32_t begin = std::min<std::uint32_t>(piece * wire::kMetadataPieceSize,
                                                            static_cast<std::uint32_t>(info.size()));
        Bytes sent(info.begin() + begin,
                   info.begin() + std::min<std::size_t>(begin + wire::kMetadataPieceSize, info.size()));
        if (control >= 128) sent.assign(std::to_integer<std::size_t>(rest[3]) * 100, rest[3]);
        rest = rest.subspan(4);
        switch (control % 8) {
            case 0:
                now += 300ms * (1 + piece);
                break;
            case 1:
            case 2:
                fetch.add_peer(peer, claimed);
                break;
            case 3:
                fetch.remove_peer(peer);
                break;
            case 4:
                fetch.handle_reject(peer, piece, now);
                break;
            default:
                if (fetch.handle_data(peer, piece, claimed, sent, now)) fetch.remove_peer(peer);
        }
        for (unsigned asks = 0; fetch.poll_ask(now);)
            if (++asks > 8 * MetadataFetch::kMaxWaiting) std::abort();
        if (fetch.pieces_had() > fetch.piece_count()) std::abort();
        if (const auto whole = fetch.take_whole(); whole && *whole != info) std::abort();
    }
    return 0;
}
