// Stream whose far side is a web seed: it speaks the peer protocol in process, and HTTP to the server.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/core/hash.hpp"
#include "engine/core/layout.hpp"
#include "engine/net/stream.hpp"
#include "engine/net/web_seed_lanes.hpp"
#include "engine/wire/handshake.hpp"

namespace btfs::net {

/// A web seed takes part in a swarm as a peer does: it greets, tells which pieces it has, unchokes us, takes
/// our Requests and Cancels, and answers with Piece or Reject. It chokes us while it rests after a failure.
/// webseed::WebSeed turns requests into ranges of files or pieces; this carries out its actions. The stream
/// ends when the seed has nothing left to offer.
class WebSeedStream final : public Stream {
  public:
    /// Requests that may be in flight: enough for a fast server far away.
    static constexpr std::uint32_t kReqq = 1000;

    /// The references outlive the stream.
    struct Setup {
        WebSeedLanes::Setup http;
        /// As `http.urls` need it: see webseed::layout_without_files().
        const Layout& layout;
        Sha1Digest info_hash;
        wire::PeerId peer_id{};
        /// Stands for the seed where peers have an address.
        Endpoint stand_in;
        /// For the log: torrent and seed.
        std::string name;
        /// See webseed::WebSeed.
        std::function<std::uint64_t(std::uint64_t offset_in_torrent)> gap_end;
    };

    explicit WebSeedStream(Setup setup);
    ~WebSeedStream() override;

    /// A piece that came from here alone failed its hash.
    void on_piece_failed(PieceIndex piece);

    Result<std::size_t> read(std::span<const iovec> into) override;
    Result<std::size_t> write(std::span<const iovec> from) override;
    void set_receive_low_water(std::size_t) override {}
    void acknowledge_soon() override {}
    std::optional<RoundTrip> round_trip() override { return std::nullopt; }
    void wait_readable(Ready ready) override;
    void wait_writable(Ready ready) override;
    const Endpoint& remote() const override;
    Address local() const override { return {}; }

  private:
    class Core;
    std::shared_ptr<Core> core_;  // shared with coroutines that have not ended yet
};

}  // namespace btfs::net
