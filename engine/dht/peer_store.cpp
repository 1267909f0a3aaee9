#include "engine/dht/peer_store.hpp"

#include <algorithm>
#include <iterator>

namespace btfs::dht {

bool PeerStore::has_room(const NodeId& info_hash) const {
    if (peer_count_ >= kMaxPeers) return false;
    const auto found = torrents_.find(info_hash);
    return found == torrents_.end() ? torrents_.size() < kMaxTorrents
                                    : found->second.size() < kMaxPeersOfTorrent;
}

bool PeerStore::add(const NodeId& info_hash, const Endpoint& peer, bool seed, TimePoint now) {
    const Address host = peer.address.network();
    const auto torrent = torrents_.find(info_hash);
    const bool known = torrent != torrents_.end() && torrent->second.contains(host);
    if (!known) {
        const auto count = torrents_of_.find(host);
        if (!has_room(info_hash) || (count != torrents_of_.end() && count->second >= kMaxTorrentsOfHost))
            return false;
        ++torrents_of_[host];
        ++peer_count_;
    }
    torrents_[info_hash][host] = {peer, seed, PeerFilter::bits_of(peer.address), now};
    return true;
}

std::vector<Endpoint> PeerStore::sample(const NodeId& info_hash, std::size_t count, bool no_seeds,
                                        Rng& rng) const {
    const auto torrent = torrents_.find(info_hash);
    if (torrent == torrents_.end()) return {};
    std::vector<Endpoint> peers, seeds;
    for (const auto& [host, peer] : torrent->second)
        (peer.seed && no_seeds ? seeds : peers).push_back(peer.endpoint);
    if (peers.empty()) peers = std::move(seeds);
    for (std::size_t i = 0; i < std::min(count, peers.size()); ++i)
        std::swap(peers[i], peers[i + rng.below(peers.size() - i)]);
    peers.resize(std::min(count, peers.size()));
    return peers;
}

std::optional<std::pair<PeerFilter, PeerFilter>> PeerStore::filters(const NodeId& info_hash) const {
    const auto torrent = torrents_.find(info_hash);
    if (torrent == torrents_.end()) return std::nullopt;
    std::pair<PeerFilter, PeerFilter> filters;
    for (const auto& [host, peer] : torrent->second)
        (peer.seed ? filters.first : filters.second).insert(peer.bits);
    return filters;
}

void PeerStore::forget(const Address& host) {
    --peer_count_;
    const auto count = torrents_of_.find(host);
    if (--count->second == 0) torrents_of_.erase(count);
}

void PeerStore::expire(TimePoint now) {
    for (auto torrent = torrents_.begin(); torrent != torrents_.end();) {
        Peers& peers = torrent->second;
        for (auto peer = peers.begin(); peer != peers.end();) {
            if (now < peer->second.announced + kLife) {
                ++peer;
                continue;
            }
            forget(peer->first);
            peer = peers.erase(peer);
        }
        torrent = peers.empty() ? torrents_.erase(torrent) : std::next(torrent);
    }
}

}  // namespace btfs::dht
