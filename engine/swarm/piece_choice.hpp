// PieceChoice: chooses the piece to ask of a peer among those that no reader wants.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "engine/core/layout.hpp"
#include "engine/core/rate_meter.hpp"
#include "engine/core/rng.hpp"
#include "engine/core/time.hpp"
#include "engine/swarm/peer.hpp"
#include "engine/swarm/picker.hpp"

namespace btfs {

/// Rarest first, and what only seeds have by turns: in a crowd the seeds' uplink is the limit, so each of us
/// asks them for other pieces. Of the pieces that no leecher has, each falls to one of those that seeds serve
/// by a hash of its peer id and the piece, which all of us reckon alike without a word. Seeds serve us, and
/// the leechers that were lately the first of all that had a piece. With none of our own left, a seed is
/// asked for pieces of others that they come to last; and at the very end it rests while it is busy with
/// them, for kLongestRest after the last of its pieces that one of them got. engine/swarm/CHOKING.md says
/// more.
class PieceChoice {
  public:
    static constexpr Duration kLongestRest = std::chrono::seconds(3);
    /// A seed that has nothing left that it alone has is asked for anything, if leechers would take longer
    /// than that to bring what they have and we lack.
    static constexpr Duration kSlowAtLast = std::chrono::milliseconds(1500);
    /// A leecher that was the first with a piece so lately is one that seeds serve; longer if pieces take
    /// longer.
    static constexpr Duration kServed = std::chrono::seconds(5);
    /// Candidates that are looked at in one search.
    static constexpr int kMaxLooked = 256;

    /// References outlive this.
    PieceChoice(const Layout& layout, Picker& picker, const PeerTable& peers, const wire::PeerId& our_id,
                std::uint64_t seed)
        : layout_(layout), picker_(picker), peers_(peers), our_number_(number_of(our_id)), rng_(seed) {}

    /// A piece for the peer that `eligible` accepts; nothing if there is none, or none yet: then the peer's
    /// rests_until says when there may be one.
    std::optional<PieceIndex> next(Peer& peer, const std::function<bool(PieceIndex)>& eligible,
                                   TimePoint now);

    /// True in a crowd: then what a choked peer may have of a seed is not worth the seed's uplink.
    bool has_leechers() const;
    /// A piece that only seeds had is now had by this leecher, too.
    void on_first_of_leechers(Peer& peer, TimePoint now) { peer.got_of_seed = news_ = now; }
    /// A block has come from a peer that is no seed.
    void on_block_of_leecher(std::size_t bytes, TimePoint now) { from_leechers_.add(bytes, now); }

  private:
    /// Pieces that only seeds have: one that falls to us, one that falls to another, and how many do.
    struct Alone {
        std::optional<PieceIndex> ours, others;
        std::size_t count_of_others = 0;
    };

    std::optional<PieceIndex> of_seed(Peer& seed, const std::function<bool(PieceIndex)>& eligible,
                                      TimePoint now);
    Alone look_for_alone(const std::function<bool(PieceIndex)>& eligible);
    Duration piece_time(const Peer& seed) const;
    void look_for_served(const Peer& seed, TimePoint now);
    static std::uint64_t number_of(const wire::PeerId& id);
    bool leechers_are_slow(TimePoint now) const;
    std::uint64_t weight_with_others(PieceIndex piece) const;

    const Layout& layout_;
    Picker& picker_;
    const PeerTable& peers_;
    const std::uint64_t our_number_;
    std::vector<std::uint64_t> served_;  ///< a number of each leecher that seeds serve; of one search
    Rng rng_;
    RateMeter from_leechers_;
    TimePoint news_{};
};

}  // namespace btfs
