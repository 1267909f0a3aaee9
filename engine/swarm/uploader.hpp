// Server of blocks to peers: chooses the verified bytes to read next.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "engine/core/time.hpp"
#include "engine/storage.hpp"
#include "engine/swarm/peer.hpp"
#include "engine/swarm/torrent_rate.hpp"

namespace btfs {

/// Reads what unchoked peers ask for from the store: gathered over neighbouring blocks, and kept few bytes
/// ahead of what the socket takes. A limit of the process holds reads back; the peer that it has held back
/// for longest is the first to go on.
class Uploader {
  public:
    /// `limit`: null if there is none.
    Uploader(PeerTable& peers, Storage& storage, RateLimit* limit = nullptr)
        : peers_(peers), storage_(storage), share_(limit) {}

    /// No block that a peer waits for is sent any more.
    void refuse_all();

    void on_wanted(Peer& peer, const BlockRef& block);
    void on_not_wanted(Peer& peer, const BlockRef& block);
    /// The store has answered: the peer gets its blocks, or is refused them. Null if it has left.
    Peer* on_read(ReadTicket ticket, const Result<ContentView>& content);
    /// Reads on for this peer if there is room in its send queue.
    void pump(Peer& peer, TimePoint now);
    /// Reads on for the peers that the limit has held back, once it lets them.
    void pump_held(TimePoint now);
    /// When pump_held() has something to do; kNever if no peer is held back.
    TimePoint next_timeout() const { return share_.ready_at(); }
    void on_peer_gone(Peer& peer);
    /// Sets the torrent's own limit; see TorrentRate.
    void set_limit(std::optional<std::uint64_t> own, bool heeds_process, TimePoint now);
    void set_priority(TransferPriority priority) { share_.set_priority(priority); }

  private:
    struct Read {
        ConnectionId peer;
        std::vector<BlockRef> blocks;  // neighbours, in order
    };

    void pump_all_held(TimePoint now);
    bool begin_limited_read(Peer& peer, TimePoint now);
    bool take(Peer& peer, std::uint32_t size, TimePoint now);
    void return_unsent(Peer& peer);

    PeerTable& peers_;
    Storage& storage_;
    TorrentRate share_;
    /// Peers that the limit holds back, longest waiting first.
    std::deque<ConnectionId> held_;
    std::map<ReadTicket, Read> reads_;
    ReadTicket next_ticket_ = 1;
};

}  // namespace btfs
