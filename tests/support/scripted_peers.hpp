// Connected peers whose messages the test writes, for the machines that work on a table of peers.
#pragma once

#include <memory>
#include <string>

#include "engine/core/hash.hpp"
#include "engine/swarm/peer.hpp"

namespace btfs::testing {

/// A torrent of which we have everything, and peers that have connected to us and greeted. `now` is the
/// test's to move.
class ScriptedPeers : private wire::BlockPlaces {
  public:
    ScriptedPeers(std::uint32_t piece_length, std::uint32_t pieces)
        : layout(piece_length, {{0, pieces * std::uint64_t{piece_length}, false}}), have(pieces, true) {}
    virtual ~ScriptedPeers() = default;
    ScriptedPeers(const ScriptedPeers&) = delete;
    ScriptedPeers& operator=(const ScriptedPeers&) = delete;

    ConnectionId connect(const std::string& host = "10.0.0.1") {
        const ConnectionId id = next_id++;
        const wire::PeerSession::Config config{.direction = wire::Direction::incoming,
                                               .identity = identity,
                                               .layout = &layout,
                                               .our_id = {},
                                               .remote = *Endpoint::parse(host + ":1"),
                                               .have = have};
        peers.emplace(id, std::make_unique<Peer>(id, config, static_cast<wire::BlockPlaces&>(*this), now));
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true};
        hello.info_hash = identity.wire_hash();
        hello.peer_id.fill(static_cast<std::byte>(id));
        session(id).handle_bytes(hello.encode(), now);
        take_output(id);
        return id;
    }
    wire::PeerSession& session(ConnectionId id) { return peers.at(id)->session; }
    /// The peer's message arrives. Its events wait in the session.
    void receive(ConnectionId id, const wire::Message& message) {
        Bytes bytes;
        append_message(bytes, message);
        session(id).handle_bytes(bytes, now);
    }
    /// The peer takes all that there is for it. Returns how many bytes that is.
    std::size_t take_output(ConnectionId id) {
        std::size_t total = 0;
        iovec buffers[32];
        while (const std::size_t count = session(id).send_buffers(buffers)) {
            std::size_t size = 0;
            for (std::size_t i = 0; i < count; ++i) size += buffers[i].iov_len;
            session(id).handle_sent(size, now);
            total += size;
        }
        return total;
    }

    const Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    const Layout layout;
    const Bitfield have;
    TimePoint now = TimePoint{} + std::chrono::hours(1);
    PeerTable peers;
    ConnectionId next_id = 1;

  private:
    std::span<std::byte> place_of(const BlockRef&) override { return {}; }
};

}  // namespace btfs::testing
