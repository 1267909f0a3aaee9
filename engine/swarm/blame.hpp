// Policy for pieces that fail their hash: finds the guilty peer, and chooses the peers to fetch from next.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "engine/core/layout.hpp"
#include "engine/core/time.hpp"
#include "engine/swarm/partial_piece.hpp"
#include "engine/swarm/peer.hpp"
#include "engine/swarm/smart_ban.hpp"

namespace btfs {

/// Policy over the table of connected peers. A sender is an address, whatever the port: reconnecting clears
/// no name.
///
/// All blocks of a failed piece from one sender: that sender is guilty. From several: the blocks of the less
/// trusted half are fetched again from others, and what was thrown away is kept as evidence, which convicts
/// when the piece verifies. After kMaxFailures the piece is on *parole*: all of it is fetched from one sender
/// at a time, so that it either verifies or convicts that sender. So each failure beyond kMaxFailures takes a
/// liar out.
class Blame {
  public:
    static constexpr std::size_t kMaxFailures = 4;
    /// Connections that have ended, whose addresses are remembered while blocks of theirs may be wrong.
    static constexpr std::size_t kMaxDeparted = 1000;
    /// Senders whose pieces are counted.
    static constexpr std::size_t kMaxRecords = 1000;
    /// The longest that a sender keeps a piece on parole; twice as long once all were tried, and so on.
    static constexpr Duration kParole = std::chrono::seconds(20);
    /// A holder that sends no block of the piece for four times what one should take, within these limits,
    /// loses it; these limits double as kParole does, but kMaxSilenceRounds times at most.
    static constexpr Duration kShortestSilence = std::chrono::seconds(2);
    static constexpr Duration kLongestSilence = std::chrono::seconds(5);
    static constexpr int kMaxSilenceRounds = 4;

    /// Both outlive this.
    Blame(const PeerTable& peers, const Layout& layout) : peers_(peers), layout_(layout) {}

    struct Sentence {
        std::vector<std::uint32_t> discarded;  ///< blocks that are fetched again
        std::optional<Address> guilty;         ///< to be banned
        bool nobody_sent_it = false;           ///< nothing but padding
    };
    /// The piece is complete and does not match.
    Sentence on_mismatch(const PartialPiece& partial, std::span<const Sha1Digest> block_digests,
                         TimePoint now);
    /// Gives who sent wrong blocks of it before. `finished`: its blocks, if they were received lately.
    std::set<Address> on_verified(PieceIndex piece, const PartialPiece* finished,
                                  std::span<const Sha1Digest> block_digests);
    /// The store has to tell the digests of the piece's blocks when it verifies.
    bool needs_digests(PieceIndex piece) const { return smart_ban_.knows(piece); }
    /// A block of the piece has come from that sender.
    void on_block(PieceIndex piece, const Address& sender, TimePoint now);
    /// True if the piece must not be asked of that peer.
    bool excludes(PieceIndex piece, const Peer& peer) const;

    void on_departed(ConnectionId connection, const Address& address);
    /// Nothing that was received is unverified.
    void forget_departed() { departed_.clear(); }
    /// Unspecified if it is not known any more.
    Address address_of(ConnectionId connection) const;
    /// After a disconnect, and every so often: suspicions end where nobody else can send the piece, and a
    /// parole goes to another sender where its holder has left, sends nothing or takes too long. Gives the
    /// pieces that may be asked of others now; what other senders have sent of those on parole must be thrown
    /// away.
    std::vector<PieceIndex> reconsider(TimePoint now);
    /// The sender that alone is asked for the piece.
    std::optional<Address> parole_of(PieceIndex piece) const;

  private:
    struct Record {
        std::uint32_t good = 0;  ///< pieces with blocks of this sender that verified
        std::uint32_t failed = 0;
    };
    struct Parole {
        Address holder;
        TimePoint since;
        TimePoint last_block;  ///< of the holder; `since` before the first one
        std::set<Address> tried;
        int round = 0;
    };
    /// When the holder loses the piece if no further block comes.
    TimePoint end_of(const Parole& parole, PieceIndex piece, const Peer& holder, TimePoint now) const;
    double suspicion(const Address& sender) const;
    bool is_connected(const Address& sender) const;
    std::vector<PieceIndex> lift_suspicions();
    void give_parole(PieceIndex piece, TimePoint now);
    Record& record_of(const Address& sender);

    const PeerTable& peers_;
    const Layout& layout_;
    SmartBan smart_ban_;
    std::map<PieceIndex, Parole> paroles_;
    std::map<ConnectionId, Address> departed_;
    std::map<Address, Record> records_;
};

}  // namespace btfs
