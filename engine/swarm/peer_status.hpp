// State of one connection, for who looks at a torrent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/core/endpoint.hpp"
#include "engine/core/time.hpp"
#include "engine/swarm/peer_list.hpp"

namespace btfs {

struct Peer;

struct PeerStatus {
    Endpoint endpoint;   ///< of a web seed: a stand-in
    std::string client;  ///< as it calls itself, else from its peer id; empty: it does not say. Any bytes
    bool web_seed = false;
    bool utp = false;
    bool encrypted = false;
    bool incoming = false;
    /// The source that told us of it; nothing of web seeds, and of peers that were forgotten since.
    std::optional<PeerSource> source = {};
    bool seed = false;
    bool interested_in_us = false, interesting = false;
    bool chokes_us = false, choked = false;
    bool snubbed = false;           ///< it was asked, and sends nothing
    std::size_t pieces = 0;         ///< that it has
    std::uint64_t received = 0;     ///< bytes of content, of this connection
    std::uint64_t sent = 0;         ///< the same
    double down = 0;                ///< bytes of content per second that come from it
    double up = 0;                  ///< the same, that go to it
    std::uint64_t bytes_asked = 0;  ///< requests that are not answered yet
    double round_trip_s = 0;        ///< seconds
};

/// `piece_count`: of the torrent; 0 while only its name is known.
PeerStatus status_of(const Peer& peer, std::size_t piece_count, TimePoint now);

}  // namespace btfs
