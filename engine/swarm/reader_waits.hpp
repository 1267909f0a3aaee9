// Reasons for which readers wait, for who looks at a torrent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/core/reader_demand.hpp"
#include "engine/core/types.hpp"
#include "engine/swarm/demand.hpp"
#include "engine/swarm/peer.hpp"
#include "engine/swarm/picker.hpp"

namespace btfs {

enum class WaitReason : std::uint8_t {
    paused,         ///< the user has paused the torrent
    no_peers,       ///< none is connected
    connecting,     ///< all peers are still in the handshake
    no_one_has_it,  ///< no connected peer has the piece
    all_choke,      ///< all peers that have the piece choke us
    limit_is_zero,  ///< the download limit lets nothing pass from the peers that have the piece
    no_room,        ///< the cache has no memory or space for the piece
    peers_busy,     ///< peers that have the piece may be asked no more now
    asked,          ///< blocks of the piece are asked of peers
    verifying,      ///< all of the piece has come
};

struct ReaderWait {
    ReaderId reader = 0;
    PieceIndex piece{0};  ///< that the reader has waited for longest
    WaitReason reason = WaitReason::no_peers;
    /// Of `all_choke`, `limit_is_zero` and `peers_busy`, how many peers have the piece; of `asked`, of how
    /// many it is asked.
    std::size_t peers = 0;
};

/// The reasons for which a torrent asks for nothing at all, or not of all peers.
struct AskingHeld {
    bool paused = false;         ///< by the user
    bool limit_is_zero = false;  ///< nothing passes from peers that the download limit holds for
    bool no_room = false;        ///< the storage takes nothing more for now
};

/// Returns why each reader waits that does.
std::vector<ReaderWait> reader_waits(const Demand& demand, const Picker& picker, const PeerTable& peers,
                                     AskingHeld held);

}  // namespace btfs
