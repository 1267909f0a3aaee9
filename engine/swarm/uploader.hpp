// Server of blocks to peers: chooses the verified bytes to read next.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "engine/core/time.hpp"
#include "engine/storage.hpp"
#include "engine/swarm/peer.hpp"

namespace btfs {

/// Reads what unchoked peers ask for from the store: gathered over neighbouring blocks, and kept few bytes
/// ahead of what the socket takes.
class Uploader {
  public:
    Uploader(PeerTable& peers, Storage& storage) : peers_(peers), storage_(storage) {}

    void on_wanted(Peer& peer, const BlockRef& block);
    void on_not_wanted(Peer& peer, const BlockRef& block);
    /// The store has answered: the peer gets its blocks, or is refused them. Null if it has left.
    Peer* on_read(ReadTicket ticket, const Result<ContentView>& content);
    /// Reads on for this peer if there is room in its send queue.
    void pump(Peer& peer);

  private:
    struct Read {
        ConnectionId peer;
        std::vector<BlockRef> blocks;  // neighbours, in order
    };

    PeerTable& peers_;
    Storage& storage_;
    std::map<ReadTicket, Read> reads_;
    ReadTicket next_ticket_ = 1;
};

}  // namespace btfs
