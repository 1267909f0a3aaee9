// Trader: a remote peer's part in the exchange of pieces, whom it unchokes and what it asks for.
#pragma once

#include <deque>
#include <functional>
#include <map>

#include "engine/wire/peer_session.hpp"
#include "tests/sim/event_queue.hpp"
#include "tests/sim/remote_choker.hpp"
#include "tests/sim/remote_picker.hpp"

namespace btfs::sim {

/// A connection of the remote peer, as its trader uses it.
class TradeLine {
  public:
    virtual wire::PeerSession& session() = 0;
    virtual const wire::PeerSession& session() const = 0;
    /// Sends what the session has to say.
    virtual void flush() = 0;

  protected:
    ~TradeLine() = default;
};

/// Downloads the rarest pieces first over all connections, with queues of three seconds, and lets its choker
/// say who is unchoked. One for each remote peer that chokes.
class Trader {
  public:
    using Id = RemotePicker::Id;
    struct Options {
        Choking choking = Choking::libtorrent2;
        bool uploads = true;  ///< false: it unchokes nobody
        std::uint64_t seed = 0;
    };

    /// `have` grows with each piece that is complete, and `gained` is called: the piece is to be announced.
    /// All references outlive the trader.
    Trader(EventQueue& events, const Layout& layout, Bitfield& have, const Options& options,
           std::function<void(PieceIndex)> gained);

    /// Rounds begin.
    void start();
    void join(Id id, TradeLine& line) { partners_.emplace(id, Partner{line, {}, {}, false}); }
    void leave(Id id);
    /// Something has come over the connection.
    void on_event(Id id, const wire::PeerEvent& event);

  private:
    struct Partner {
        TradeLine& line;
        std::deque<TimePoint> arrivals;  ///< of blocks, in the last three seconds
        TimePoint waits_since;           ///< for a block; meaningless while none is asked for
        bool snubbed;
    };

    void tick();
    void end_round();
    void snub_silent();
    void on_interest(Id id, Partner& partner);
    void on_block(Id id, Partner& partner, const BlockRef& block);
    void on_gained(PieceIndex piece);
    void update_interest(Partner& partner);
    std::size_t queue_length(Partner& partner) const;
    void ask(Id id, Partner& partner);
    void ask_all();
    std::size_t availability(PieceIndex piece) const;
    std::size_t unchoked() const;
    static RemoteChoker::Customer customer(Id id, const Partner& partner);

    EventQueue& events_;
    Bitfield& have_;
    const Options options_;
    const std::function<void(PieceIndex)> gained_;
    Rng rng_;
    RemoteChoker choker_;
    RemotePicker picker_;
    std::map<Id, Partner> partners_;
};

}  // namespace btfs::sim
