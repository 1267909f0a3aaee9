// Remote peer of the year: its end of one connection, and how it behaves.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/core/rng.hpp"
#include "engine/wire/peer_session.hpp"

namespace btfs::year {

enum class Conduct : std::uint8_t {
    honest,
    lies,      ///< one byte of each block that it sends is wrong
    dribbles,  ///< sends a block every ten seconds
    vanishes,  ///< unchokes, takes requests, and never answers
    flaps,     ///< chokes and unchokes after every few blocks
    leeches,   ///< has nothing, and downloads from us
    gossips,   ///< tells of peers that are not there (BEP 11), and is honest otherwise
};

/// Answers with a real PeerSession, without a clock or a link of its own: its owner carries bytes both ways.
class ScriptedPeer final : private wire::BlockPlaces {
  public:
    struct Options {
        Conduct conduct = Conduct::honest;
        const Identity& identity;
        const Layout& layout;
        ByteView content;  ///< of the whole torrent
        std::shared_ptr<const Bytes> metadata;
        Endpoint client;
        wire::Direction direction = wire::Direction::incoming;
        std::uint64_t seed = 0;
    };
    /// All references of `options`, and the content, outlive the peer.
    ScriptedPeer(const Options& options, TimePoint now);

    void handle_bytes(ByteView bytes, TimePoint now);
    void handle_timeout(TimePoint now);
    /// Takes all that there is to send.
    Bytes take_output(TimePoint now);
    /// When handle_timeout() has something to do.
    TimePoint next_timeout() const;
    /// The session has failed: the peer hangs up.
    bool failed() const { return failed_; }

  private:
    std::span<std::byte> place_of(const BlockRef&) override { return {}; }
    void drain(TimePoint now);
    void on_event(const wire::PeerEvent& event, TimePoint now);
    void serve(const BlockRef& block, TimePoint now);
    void send(const BlockRef& block);
    void download(TimePoint now);
    void gossip();

    const Options options_;
    Rng rng_;
    Bitfield have_;
    wire::PeerSession session_;
    std::deque<BlockRef> owed_;  ///< of a peer that dribbles
    TimePoint next_drop_ = kNever;
    std::uint64_t sent_ = 0;
    bool failed_ = false;
};

/// A public address, and another one each time: one in eight is of IPv6.
Endpoint random_endpoint(Rng& rng);

}  // namespace btfs::year
