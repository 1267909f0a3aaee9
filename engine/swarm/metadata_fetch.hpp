// Puts a torrent's info dictionary together from what peers send of it (BEP 9).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/identity.hpp"
#include "engine/core/time.hpp"
#include "engine/swarm/connection_id.hpp"

namespace btfs {

/// State machine that fetches the info dictionary (BEP 9). Knows peers by their ids, and the sizes that they
/// claim. Spreads the pieces over the peers that claim the same size, and asks a second peer for a piece that
/// is late. A dictionary counts only if the whole of it has the right hash. If a wrong one was sent by a
/// single peer, that peer is out. If by several, one of them is asked for all of it, and so on. Follows at
/// most kMaxSizes claims at a time, so that memory is bounded. Claims that stalled least often come first,
/// and of these the ones with the most peers: such a claim takes the place of one with fewer peers.
class MetadataFetch {
  public:
    /// Largest size that is believed, in bytes.
    static constexpr std::uint32_t kMaxSize = 30 << 20;
    static constexpr std::size_t kMaxSizes = 3;
    /// A claim without progress for this long makes way for another.
    static constexpr Duration kStalled = 5s;
    /// A claim that has not led to the dictionary after this long makes way, too: liars can send a piece now
    /// and then. The time doubles with each turn of the claim, so that a slow peer gets through.
    static constexpr Duration kTurn = 20s;
    /// Pieces that one peer is asked for at a time.
    static constexpr std::size_t kMaxWaiting = 16;
    /// Times that a peer may change its size. Each new claim starts with a clean record.
    static constexpr int kMaxChanges = 3;
    /// A piece that has not arrived after this long is asked of another peer as well.
    static constexpr Duration kLate = 1s;
    /// A peer is not asked for the same piece again sooner (libtorrent takes it for an offence).
    static constexpr Duration kAskAgain = 4s;
    /// A peer that refused is left alone for so long.
    static constexpr Duration kRefusedPause = 60s;

    struct Ask {
        ConnectionId peer;
        std::uint32_t piece;
    };

    /// `identity` outlives this.
    explicit MetadataFetch(const Identity& identity) : identity_(identity) {}

    /// The peer speaks ut_metadata and says that the dictionary has so many bytes. False if that cannot be.
    /// A peer that says another size later starts over.
    bool add_peer(ConnectionId peer, std::uint32_t size);
    void remove_peer(ConnectionId peer);
    /// Returns true if the peer is of no use any more, since it has sent a wrong piece.
    bool handle_data(ConnectionId peer, std::uint32_t piece, std::uint32_t total_size, ByteView data,
                     TimePoint now);
    void handle_reject(ConnectionId peer, std::uint32_t piece, TimePoint now);

    /// The next request to send now; nothing if there is none.
    std::optional<Ask> poll_ask(TimePoint now);
    /// The time at which poll_ask() may have a request again though nothing happens; kNever if not.
    TimePoint next_timeout() const;

    /// The dictionary, once; its hash is right.
    std::optional<Bytes> take_whole();

    std::uint32_t pieces_had() const;
    /// Number of pieces by the claim that has made the most progress; 0 if there is no claim.
    std::uint32_t piece_count() const;

  private:
    struct Peer {
        std::uint32_t size = 0;
        int changes = 0;                           ///< of the size
        std::map<std::uint32_t, TimePoint> asked;  ///< when, by piece; also what was answered not long ago
        std::set<std::uint32_t> waiting;           ///< pieces that it has not answered
        TimePoint paused_until{};
    };
    struct Piece {
        Bytes data;
        ConnectionId sender = kNobody;
        TimePoint asked{};
    };
    /// The pieces that came of a dictionary of one claimed size.
    struct Assembly {
        std::vector<Piece> pieces;
        std::uint32_t had = 0;
        TimePoint begun;
        TimePoint progress;  ///< begun, or the last piece came
        /// After a mismatch of several senders: only what this one sends counts.
        ConnectionId only = kNobody;
    };

    Assembly* followed(std::uint32_t size, TimePoint now);
    bool make_room_for(std::uint32_t size, TimePoint now);
    std::size_t claimants(std::uint32_t size) const;
    int stalls(std::uint32_t size) const;
    bool anybody_has_time(std::uint32_t size, TimePoint now) const;
    std::optional<ConnectionId> whom_to_ask(std::uint32_t size, const Assembly& assembly, std::uint32_t piece,
                                            TimePoint now) const;
    TimePoint may_be_asked(const Peer& peer, std::uint32_t piece) const;
    bool judge(std::uint32_t size, Assembly& assembly, ConnectionId last_sender);
    void drop_unclaimed();
    std::vector<std::uint32_t> claims_in_order() const;

    const Identity& identity_;
    std::map<ConnectionId, Peer> peers_;
    std::map<std::uint32_t, Assembly> assemblies_;  ///< by size
    std::map<std::uint32_t, int> stalls_;           ///< by size, how often it made way for another
    std::optional<Bytes> whole_;
    TimePoint next_ = kNever;
};

}  // namespace btfs
