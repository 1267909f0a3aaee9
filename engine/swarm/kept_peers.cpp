#include "engine/swarm/kept_peers.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/core/hash.hpp"

namespace btfs {
namespace {

constexpr std::string_view kPeersMagic = "btfspeer";
constexpr std::uint32_t kPeersVersion = 2;
/// It has no flags: the byte is 0.
constexpr std::uint32_t kVersionWithoutWays = 1;
constexpr std::size_t kPeersHeaderSize = 16, kPeerSize = 36;
/// By the number that stands for it in the file.
constexpr std::array kSources{PeerSource::user, PeerSource::tracker, PeerSource::dht,
                              PeerSource::pex,  PeerSource::lsd,     PeerSource::incoming};
/// Bits of a peer's flags in the file.
constexpr std::uint8_t kKnowsManner = 1, kEncrypted = 2, kUtp = 4;
constexpr std::array<std::uint8_t, 12> kV4Prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_better(const KeptPeer& a, const KeptPeer& b) {
    if (a.bytes_given != b.bytes_given) return a.bytes_given > b.bytes_given;
    if (a.last_gave != b.last_gave) return a.last_gave > b.last_gave;
    return a.endpoint < b.endpoint;
}

void cut_to_the_best(std::vector<KeptPeer>& peers) {
    std::ranges::sort(peers, is_better);
    if (peers.size() > kMaxKeptPeers) peers.resize(kMaxKeptPeers);
}

std::uint8_t flags_from(const KnownWay& way) {
    std::uint8_t flags = way.utp ? kUtp : 0;
    if (way.manner) flags |= kKnowsManner;
    if (way.manner && way.manner->encrypted) flags |= kEncrypted;
    return flags;
}

KnownWay way_from(std::uint8_t flags) {
    KnownWay way{.utp = (flags & kUtp) != 0};
    if ((flags & kKnowsManner) != 0) way.manner = DialManner{.encrypted = (flags & kEncrypted) != 0};
    return way;
}

std::optional<KeptPeer> read_peer(ByteReader& in, std::uint32_t version, TimePoint now, std::int64_t wall_s) {
    const auto address = Address::from_bytes(in.take(16));
    KeptPeer peer;
    peer.endpoint = {*address, in.u16()};
    const std::uint8_t flags = in.u8();
    peer.way = way_from(flags);
    const std::uint8_t source = in.u8();
    const std::uint64_t gave_s = in.u64();
    peer.bytes_given = in.u64();
    if (!peer.endpoint.is_dialable()) return std::nullopt;
    if (source >= kSources.size() || (version == kVersionWithoutWays && flags != 0)) return std::nullopt;
    peer.source = kSources[source];
    // The clock may have been set back since: then the peer counts as seen now.
    const auto now_s = static_cast<std::uint64_t>(std::max<std::int64_t>(wall_s, 0));
    const std::uint64_t age_s = now_s - std::min(gave_s, now_s);
    if (age_s > static_cast<std::uint64_t>(seconds(kLongestKept))) return std::nullopt;
    peer.last_gave = now - std::chrono::seconds(age_s);
    return peer;
}

}  // namespace

Bytes write_kept_peers(std::span<const KeptPeer> peers, TimePoint now, std::int64_t wall_s) {
    Bytes out;
    ByteWriter writer(out);
    writer.text(kPeersMagic).u32(kPeersVersion).u32(static_cast<std::uint32_t>(peers.size()));
    for (const KeptPeer& peer : peers) {
        if (peer.endpoint.address.is_v4()) writer.bytes(std::as_bytes(std::span(kV4Prefix)));
        writer.bytes(peer.endpoint.address.bytes()).u16(peer.endpoint.port);
        writer.u8(flags_from(peer.way));
        writer.u8(static_cast<std::uint8_t>(std::ranges::find(kSources, peer.source) - kSources.begin()));
        const auto age_s = std::chrono::duration_cast<std::chrono::seconds>(now - peer.last_gave).count();
        writer.u64(static_cast<std::uint64_t>(std::max<std::int64_t>(wall_s - age_s, 0)));
        writer.u64(peer.bytes_given);
    }
    const Sha1Digest digest = sha1(out);
    writer.bytes(digest.view());
    return out;
}

std::vector<KeptPeer> read_kept_peers(ByteView file, TimePoint now, std::int64_t wall_s) {
    constexpr std::size_t kDigestSize = Sha1Digest::kSize;
    if (file.size() < kPeersHeaderSize + kDigestSize) return {};
    const ByteView body = file.first(file.size() - kDigestSize);
    if (sha1(body) != Sha1Digest::from(file.last(kDigestSize))) return {};
    ByteReader in(body);
    if (as_text(in.take(kPeersMagic.size())) != kPeersMagic) return {};
    const std::uint32_t version = in.u32();
    if (version != kPeersVersion && version != kVersionWithoutWays) return {};
    const std::uint32_t count = in.u32();
    if (body.size() - kPeersHeaderSize != std::uint64_t{count} * kPeerSize) return {};
    std::vector<KeptPeer> peers;
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto peer = read_peer(in, version, now, wall_s);
        if (!peer) continue;
        const bool known = std::ranges::any_of(
            peers, [&](const KeptPeer& other) { return other.endpoint == peer->endpoint; });
        if (known) continue;
        peers.push_back(*peer);
        if (peers.size() == 2 * kMaxKeptPeers) break;
    }
    cut_to_the_best(peers);
    return peers;
}

void KeptPeers::take_earlier(std::span<const KeptPeer> earlier) {
    for (const KeptPeer& peer : earlier) {
        if (peers_.size() == kMaxWatched) return;
        const auto [place, is_new] = peers_.try_emplace(peer.endpoint, peer);
        place->second.bytes_given = (is_new ? 0 : place->second.bytes_given) + peer.bytes_given / 2;
    }
}

void KeptPeers::on_gave(const Endpoint& endpoint, PeerSource source, std::uint64_t bytes, TimePoint now) {
    auto found = peers_.find(endpoint);
    if (found == peers_.end()) {
        if (peers_.size() == kMaxWatched)
            peers_.erase(std::ranges::max_element(
                peers_, is_better, [](const auto& entry) -> const KeptPeer& { return entry.second; }));
        found = peers_.emplace(endpoint, KeptPeer{endpoint, source, 0, now}).first;
    }
    KeptPeer& peer = found->second;
    if (source != PeerSource::kept) peer.source = std::min(peer.source, source);
    if (peer.source == PeerSource::kept) peer.source = PeerSource::incoming;
    peer.bytes_given += bytes;
    peer.last_gave = now;
    changed_ = true;
}

void KeptPeers::on_way(const Endpoint& endpoint, const KnownWay& way) {
    const auto found = peers_.find(endpoint);
    if (found == peers_.end()) return;
    if (way.manner) {
        found->second.way = way;
    } else {
        found->second.way.utp |= way.utp;
    }
}

std::vector<KeptPeer> KeptPeers::best(const std::function<bool(const KeptPeer&)>& may_keep, TimePoint now) {
    changed_ = false;
    std::vector<KeptPeer> peers;
    for (const auto& [endpoint, peer] : peers_)
        if (now - peer.last_gave <= kLongestKept && may_keep(peer)) peers.push_back(peer);
    cut_to_the_best(peers);
    return peers;
}

std::vector<Endpoint> KeptPeers::hearsay() const {
    std::vector<Endpoint> endpoints;
    for (const auto& [endpoint, peer] : peers_)
        if (!is_for_private(peer.source)) endpoints.push_back(endpoint);
    return endpoints;
}

}  // namespace btfs
