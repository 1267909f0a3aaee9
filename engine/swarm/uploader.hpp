// Server of blocks to peers: chooses the peers to unchoke, and the verified bytes to read next.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "engine/core/time.hpp"
#include "engine/storage.hpp"
#include "engine/swarm/peer.hpp"

namespace btfs {

/// A fixed number of slots: interested peers are unchoked while there are some; when all are taken, the peer
/// that has had one longest makes room for the one that has waited longest. Reads from the store are
/// gathered over neighbouring blocks, and kept few bytes ahead of what the socket takes.
class Uploader {
  public:
    Uploader(PeerTable& peers, Storage& storage, std::size_t slots)
        : peers_(peers), storage_(storage), slots_(slots) {}

    /// A peer's interest changed, or it came or went: fills free slots.
    void assign_slots(TimePoint now);
    /// Moves one slot on if peers wait and one has been held for long. Called about once a second.
    void rotate_slots(TimePoint now);

    void on_wanted(Peer& peer, const BlockRef& block);
    void on_not_wanted(Peer& peer, const BlockRef& block);
    /// The store has answered: the peer gets its blocks, or is refused them. Null if it has left.
    Peer* on_read(ReadTicket ticket, const Result<ContentView>& content);
    /// Reads on for this peer if there is room in its send queue. While a reader of ours waits, uploads give
    /// way: only little is sent ahead.
    void pump(Peer& peer, bool reader_waits);

  private:
    struct Read {
        ConnectionId peer;
        std::vector<BlockRef> blocks;  // neighbours, in order
    };

    PeerTable& peers_;
    Storage& storage_;
    const std::size_t slots_;
    std::map<ReadTicket, Read> reads_;
    ReadTicket next_ticket_ = 1;
};

}  // namespace btfs
