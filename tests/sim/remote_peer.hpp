// A peer of the swarm, scripted: its link, what it has, and how it behaves.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/wire/peer_session.hpp"
#include "tests/sim/content.hpp"
#include "tests/sim/node.hpp"
#include "tests/sim/remote_choker.hpp"

namespace btfs::sim {

enum class Conduct : std::uint8_t {
    honest,
    stalls,        ///< sends some blocks, then takes requests and sends nothing
    trickles,      ///< sends a kilobyte a second
    ignores,       ///< says that it has everything, unchokes, and never answers
    refuses,       ///< says that it has everything and rejects each request
    corrupts,      ///< one block in a hundred is wrong
    flaps,         ///< chokes and unchokes at once, after every few requests
    leaves,        ///< closes in the middle of a block, again and again
    corrupts_one,  ///< the same block of each piece is always wrong, the others never
    leaves_owing,  ///< closes as soon as many blocks are asked of it
    floods,        ///< sends bursts of messages of one kind, many times a second
    slow_loris,    ///< connects to us again and again, and sends a byte a second
    crowds,      ///< connects to us from one host as often as it can, says that it has everything, and rests
    free_rides,  ///< downloads, and uploads nothing
};

struct PeerOptions {
    LinkOptions link;
    Conduct conduct = Conduct::honest;
    double pieces = 1;       ///< share of the pieces that it has when it joins
    double gains = 0;        ///< pieces per second that it gets from others
    bool downloads = false;  ///< asks us for what it lacks
    /// How it chokes. One that does also trades: it is connected to all others that trade, and asks everybody
    /// for what it lacks, the rarest pieces first.
    Choking choking = Choking::none;
    Duration unchokes_after{};  ///< from the time when we are interested
    bool reachable = true;      ///< false: it does not answer dials
    Duration joins_at{};
    Duration leaves_at = std::chrono::hours(10);
    Duration rate_changes_every{};  ///< 0: never
    double rate_falls_to = 1;       ///< least share of the rate that is left at such a change
    /// Closes its connections so often; 0: never. If it trades it connects to all again, under another peer
    /// id.
    Duration reconnects_every{};
    /// The first of its connections to us; they come one each `calls_every`. 0: it waits to be dialled.
    Duration calls_every{};
    bool has_public_address = false;
    std::uint64_t seed = 0;  ///< of its random choices, besides its number
};

class Trader;

/// Takes the calls of the remote peers that connect to the client.
class RemotePeer;
class Callee {
  public:
    /// Returns false if the connection is refused.
    virtual bool call(RemotePeer& from, const Endpoint& endpoint) = 0;

  protected:
    ~Callee() = default;
};

/// Answers with a real PeerSession; at most one connection at a time that the client makes, and any number
/// that it makes itself. If it trades, it has one connection with each address.
class RemotePeer final : public Node {
  public:
    struct Context {
        EventQueue& events;
        Network& network;
        const Identity& identity;
        const Layout& layout;
    };
    RemotePeer(const Context& context, const PeerOptions& options, std::size_t number,
               Callee* callee = nullptr);
    ~RemotePeer();

    bool is_client() const override { return false; }
    bool honest() const override { return options_.conduct == Conduct::honest; }
    bool reachable() const override { return options_.reachable; }
    bool accepts(const Address& caller) const override;
    Connection& answer(Node& caller, Socket& socket, const Endpoint& from) override {
        return connect(caller, socket, from, wire::Direction::incoming);
    }
    /// Makes a connection with `other` at side a. `direction`: of the session, since a client that was called
    /// is side a, too.
    Connection& connect(Node& other, Socket& socket, const Endpoint& its_endpoint, wire::Direction direction);

    const PeerOptions& options() const { return options_; }
    bool has(PieceIndex piece) const { return have_.test(piece); }
    const Bitfield& have() const { return have_; }
    /// It has had the piece from the beginning.
    void give(PieceIndex piece) { have_.set(piece); }
    /// Ready to send to the client, and to be reckoned with.
    bool serves() const;
    std::uint64_t wrong_uploads() const { return wrong_uploads_; }
    /// Bytes of content from clients, to them, and to everybody.
    std::uint64_t got_from_clients() const;
    std::uint64_t given_to_clients() const;
    std::uint64_t given() const;
    /// Connects to these when it joins.
    void meet(std::vector<Node*> others);

  private:
    class Line;

    Line& add_line(Node& other, const Endpoint& its_endpoint, wire::Direction direction,
                   Connection::Side side);
    bool connected_to(const Address& address) const;
    void change_rate();
    void gain_piece();
    void close_all();
    void reconnect_later();
    void come_back();
    void dial(Node& other);
    void call();
    void call_later();

    const Context context_;
    const PeerOptions options_;
    Rng rng_;
    const double full_rate_;
    Bitfield have_;
    std::unique_ptr<Trader> trader_;            ///< null: it does not trade
    std::vector<std::unique_ptr<Line>> lines_;  ///< of a peer that does not trade, the last one may be open
    std::vector<Node*> others_;                 ///< that it connects to
    std::size_t identity_ = 0;                  ///< how often it has come back
    bool present_ = false;
    Callee* const callee_;
    std::uint16_t next_port_ = 10'000;
    std::uint64_t wrong_uploads_ = 0;
};

}  // namespace btfs::sim
