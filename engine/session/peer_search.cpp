#include "engine/session/peer_search.hpp"

#include <cassert>
#include <utility>

namespace btfs {

PeerSearch::PeerSearch(const Sha1Digest& info_hash, std::vector<HostPort> dht_nodes, Owner owner)
    : info_hash_(info_hash), dht_nodes_(std::move(dht_nodes)), owner_(std::move(owner)) {}

void PeerSearch::use(net::DhtClient& dht) {
    assert(!dht_);
    dht_ = &dht;
    if (searching_) join_dht();
}

void PeerSearch::use(net::LsdClient& lsd) {
    assert(!lsd_);
    lsd_ = &lsd;
    if (searching_) join_lsd();
}

void PeerSearch::start() {
    if (std::exchange(searching_, true)) return;
    if (lsd_) join_lsd();
    if (dht_) join_dht();
}

void PeerSearch::stop() {
    if (!std::exchange(searching_, false)) return;
    if (dht_) dht_->remove(info_hash_);
    if (lsd_) lsd_->remove(info_hash_);
}

void PeerSearch::want_peers() {
    if (searching_ && dht_) dht_->want_peers(info_hash_);
}

void PeerSearch::announce_again() {
    if (searching_ && dht_) dht_->announce_again(info_hash_);
}

void PeerSearch::add_node(const Endpoint& node) {
    if (searching_ && dht_) dht_->add_node(node);
}

void PeerSearch::join_dht() {
    for (const HostPort& node : dht_nodes_) dht_->add_node(node);
    dht_->add(info_hash_,
              {[this](std::span<const Endpoint> peers) { owner_.on_peers(peers, PeerSource::dht); },
               owner_.announce});
}

void PeerSearch::join_lsd() {
    lsd_->add(info_hash_, [this](const Endpoint& peer) { owner_.on_peers({&peer, 1}, PeerSource::lsd); });
}

}  // namespace btfs
