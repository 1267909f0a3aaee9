// Server of blocks to peers: chooses the peers to unchoke, and the verified bytes to read next.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "engine/core/time.hpp"
#include "engine/storage.hpp"
#include "engine/swarm/peer.hpp"
#include "engine/swarm/rate_limit.hpp"

namespace btfs {

/// A fixed number of slots: interested peers are unchoked while there are some; when all are taken, the peer
/// that has had one longest makes room for the one that has waited longest. Reads from the store are
/// gathered over neighbouring blocks, and kept few bytes ahead of what the socket takes. A limit of the
/// process holds reads back; the peer that it has held back for longest is the first to go on.
class Uploader {
  public:
    /// `limit`: null if there is none.
    Uploader(PeerTable& peers, Storage& storage, std::size_t slots, RateLimit* limit = nullptr)
        : peers_(peers), storage_(storage), slots_(slots), uploading_(slots > 0), share_(limit) {}

    /// A peer's interest changed, or it came or went: fills free slots.
    void assign_slots(TimePoint now);
    /// Moves one slot on if peers wait and one has been held for long. Called about once a second.
    void rotate_slots(TimePoint now);
    /// False: no peer has a slot or gets a block, until this is called with true.
    void set_uploading(bool uploading, TimePoint now);
    bool uploading() const { return uploading_; }

    void on_wanted(Peer& peer, const BlockRef& block);
    void on_not_wanted(Peer& peer, const BlockRef& block);
    /// The store has answered: the peer gets its blocks, or is refused them. Null if it has left.
    Peer* on_read(ReadTicket ticket, const Result<ContentView>& content);
    /// Reads on for this peer if there is room in its send queue. While a reader of ours waits, uploads give
    /// way: only little is sent ahead.
    void pump(Peer& peer, bool reader_waits, TimePoint now);
    /// Reads on for the peers that the limit has held back, once it lets them.
    void pump_held(bool reader_waits, TimePoint now);
    /// When pump_held() has something to do; kNever if no peer is held back.
    TimePoint next_timeout() const { return share_.ready_at(); }
    void on_peer_gone(Peer& peer);

  private:
    struct Read {
        ConnectionId peer;
        std::vector<BlockRef> blocks;  // neighbours, in order
    };

    bool wants_slot(const Peer& peer) const;
    bool begin_limited_read(Peer& peer, TimePoint now);
    bool take(Peer& peer, std::uint32_t size, TimePoint now);
    void return_unsent(Peer& peer);

    PeerTable& peers_;
    Storage& storage_;
    const std::size_t slots_;
    bool uploading_;
    RateLimit::Share share_;
    /// Peers that the limit holds back, longest waiting first.
    std::deque<ConnectionId> held_;
    std::map<ReadTicket, Read> reads_;
    ReadTicket next_ticket_ = 1;
};

}  // namespace btfs
