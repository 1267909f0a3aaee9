// A peer of the swarm, scripted: its link, what it has, and how it behaves.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/wire/peer_session.hpp"
#include "tests/sim/content.hpp"
#include "tests/sim/network.hpp"

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
    crowds,  ///< connects to us from one host as often as it can, says that it has everything, and rests
};

struct PeerOptions {
    LinkOptions link;
    Conduct conduct = Conduct::honest;
    double pieces = 1;          ///< share of the pieces that it has when it joins
    double gains = 0;           ///< pieces per second that it gets from others
    bool downloads = false;     ///< asks us for what it lacks
    Duration unchokes_after{};  ///< from the time when we are interested
    bool reachable = true;      ///< false: it does not answer dials
    Duration joins_at{};
    Duration leaves_at = std::chrono::hours(10);
    Duration rate_changes_every{};  ///< 0: never
    double rate_falls_to = 1;       ///< least share of the rate that is left at such a change
    Duration reconnects_every{};    ///< closes its connections so often; 0: never
    /// The first of its connections to us; they come one each `calls_every`. 0: it waits to be dialled.
    Duration calls_every{};
    bool has_public_address = false;
};

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
/// that it makes itself.
class RemotePeer {
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

    const Endpoint& endpoint() const { return endpoint_; }
    std::size_t number() const { return number_; }
    Host& host() { return host_; }
    const Host& host() const { return host_; }
    const PeerOptions& options() const { return options_; }
    bool honest() const { return options_.conduct == Conduct::honest; }
    bool has(PieceIndex piece) const { return have_.test(piece); }
    bool accepts() const;
    /// Ready to send, and to be reckoned with.
    bool serves() const;
    std::uint64_t wrong_uploads() const { return wrong_uploads_; }

    /// The client dials, or takes a call; it is side a.
    Connection& connect(Host& from, Socket& client, const Endpoint& client_endpoint,
                        wire::Direction direction = wire::Direction::incoming);

  private:
    class Line;

    void change_rate();
    void gain_piece();
    void close_all();
    void reconnect_later();
    void call();

    const Context context_;
    const PeerOptions options_;
    const std::size_t number_;
    Rng rng_;
    Endpoint endpoint_;
    Host host_;
    const double full_rate_;
    Bitfield have_;
    std::vector<std::unique_ptr<Line>> lines_;  // the last one may be open
    bool present_ = false;
    Callee* const callee_;
    std::uint16_t next_port_ = 10'000;
    std::uint64_t wrong_uploads_ = 0;
};

}  // namespace btfs::sim
