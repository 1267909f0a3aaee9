// Demand: the pieces that readers want, in the order of deadlines.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "engine/core/layout.hpp"
#include "engine/core/reader_demand.hpp"
#include "engine/core/time.hpp"

namespace btfs {

/// Blocked reads go before a file's edges, those before readahead, and that before what is wanted later,
/// whatever their dues; background has no due at all.
enum class Rank : std::uint8_t { blocked, edge, window, later };

struct Deadline {
    Rank rank = Rank::window;
    TimePoint due;
    PieceIndex piece;

    auto operator<=>(const Deadline&) const = default;
};

/// State of a piece, as far as the dispatcher may ask for it.
enum class Offer : std::uint8_t {
    open,       ///< blocks of it can be asked for
    in_flight,  ///< every block is asked for, here, or being verified
    had,
};

/// Readers of one torrent and the pieces that they want. The cost of a new demand grows with the number of
/// pieces that it changes, not with the size of the window.
class Demand {
  public:
    /// `offer_of` is asked when a piece becomes wanted; later changes come by set_offer().
    Demand(const Layout& layout, std::function<Offer(PieceIndex)> offer_of);

    /// A reader exists from its first statement on, even if that is idle, until it is dropped.
    void set_reader(ReaderId reader, const ReaderDemand& demand, TimePoint now);
    void drop_reader(ReaderId reader);
    std::size_t reader_count() const { return readers_.size(); }

    /// Returns false if this is no change, or no reader wants the piece.
    bool set_offer(PieceIndex piece, Offer offer);
    bool wants(PieceIndex piece) const { return pieces_.contains(piece); }
    bool is_blocked_on(PieceIndex piece) const;
    /// The readers that wait for the piece at this moment.
    std::vector<ReaderId> blocked_on(PieceIndex piece) const;
    /// Returns true if a reader waits for the piece, or will get to it by that time.
    bool is_due_by(TimePoint time, PieceIndex piece) const;

    /// Wanted pieces with blocks to ask for, most urgent first.
    const std::set<Deadline>& open() const { return open_; }
    /// Pieces that somebody waits for at this moment and that are not had, longest waiting first.
    const std::set<Deadline>& blocked() const { return blocked_; }
    /// Those of blocked() that a reader with ReaderDemand::may_trade waits for, each since such a reader
    /// does.
    const std::set<Deadline>& blocked_traders() const { return blocked_traders_; }
    /// The first piece behind the furthest window: where pieces are asked for in advance.
    PieceIndex beyond_windows() const;

  private:
    struct Want {
        ReaderId reader;
        Deadline deadline;
    };
    struct Piece {
        std::vector<Want> wants;
        Offer offer = Offer::open;
        Deadline key;                        // the earliest of wants, as it stands in open_ and blocked_
        std::optional<Deadline> trader_key;  // as it stands in blocked_traders_
    };
    struct Span {  // pieces [begin, end)
        std::uint32_t begin = 0;
        std::uint32_t end = 0;
        bool contains(std::uint32_t i) const { return i >= begin && i < end; }
    };
    struct Reader {
        std::set<PieceIndex> blocked;
        std::set<PieceIndex> edges;
        std::set<PieceIndex> later;
        Span window;
        TimePoint last_due;
        bool may_trade = true;
    };

    Span pieces_of(ByteRange range) const;
    void set_pieces(ReaderId reader, Rank rank, std::set<PieceIndex>& old,
                    const std::vector<ByteRange>& ranges, TimePoint now);
    void add(ReaderId reader, const Deadline& deadline);
    void remove(ReaderId reader, Rank rank, PieceIndex piece);
    void index(Piece& piece);
    void unindex(Piece& piece);
    void move_window(ReaderId id, Reader& reader, const ReaderDemand& demand, TimePoint now);

    const Layout& layout_;
    std::function<Offer(PieceIndex)> offer_of_;
    std::map<ReaderId, Reader> readers_;
    std::unordered_map<PieceIndex, Piece> pieces_;
    std::set<Deadline> open_;
    std::set<Deadline> blocked_;
    std::set<Deadline> blocked_traders_;
};

}  // namespace btfs
