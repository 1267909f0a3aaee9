// Kept peers of a torrent, read from a file of any content, also with a right check sum: their number is
// bounded, all can be dialled, and what is written and read again is the same.
#include <cstdlib>

#include "engine/core/hash.hpp"
#include "engine/swarm/kept_peers.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    constexpr std::int64_t kWall_s = 1'800'000'000;
    constexpr TimePoint kNow{std::chrono::hours(1000)};
    const ByteView bytes = std::as_bytes(std::span(data, size));
    read_kept_peers(bytes, kNow, kWall_s);

    Bytes file(bytes.begin(), bytes.end());
    const Sha1Digest digest = sha1(file);
    ByteWriter(file).bytes(digest.view());
    const auto peers = read_kept_peers(file, kNow, kWall_s);
    if (peers.size() > kMaxKeptPeers) std::abort();
    for (const KeptPeer& peer : peers) {
        if (!peer.endpoint.is_dialable() || peer.source == PeerSource::kept) std::abort();
        if (peer.last_gave > kNow || kNow - peer.last_gave > kLongestKept) std::abort();
    }
    const auto again = read_kept_peers(write_kept_peers(peers, kNow, kWall_s), kNow, kWall_s);
    if (again.size() != peers.size()) std::abort();
    for (std::size_t i = 0; i < peers.size(); ++i)
        if (again[i].endpoint != peers[i].endpoint || again[i].bytes_given != peers[i].bytes_given ||
            again[i].way != peers[i].way)
            std::abort();

    KeptPeers kept;
    kept.take_earlier(peers);
    for (const KeptPeer& peer : peers) kept.on_gave(peer.endpoint, PeerSource::kept, 1, kNow);
    if (kept.best([](const KeptPeer&) { return true; }, kNow).size() != peers.size()) std::abort();
    return 0;
}
