// Peers that served a torrent well, as they are kept for its next run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/time.hpp"
#include "engine/swarm/dial_manner.hpp"
#include "engine/swarm/peer_list.hpp"

namespace btfs {

struct KeptPeer {
    Endpoint endpoint;
    /// That told us of it first; not PeerSource::kept.
    PeerSource source = PeerSource::tracker;
    /// Of verified content that it has sent in this run, and half of what counted before this run.
    std::uint64_t bytes_given = 0;
    /// When it sent some last; before this run, if it has sent nothing in it.
    TimePoint last_gave{};
    /// That of the connection over which it sent some last.
    KnownWay way = {};
};

/// Limit of what is kept of one torrent.
inline constexpr std::size_t kMaxKeptPeers = 40;
/// Peers that have sent nothing for longer are not kept.
inline constexpr Duration kLongestKept = std::chrono::hours(30 * 24);

/// The content of the file, whose form stands in cache/README.md. `wall_s` is the time `now` in seconds since
/// 1970.
Bytes write_kept_peers(std::span<const KeptPeer> peers, TimePoint now, std::int64_t wall_s);
/// The best first; at most kMaxKeptPeers, without those that are too old or cannot be dialled. A file of
/// version 1 tells no ways. Nothing from a file that is damaged, cut short, or of an unknown version.
std::vector<KeptPeer> read_kept_peers(ByteView file, TimePoint now, std::int64_t wall_s);

/// The peers of one torrent that may be worth keeping: those of earlier runs, and those that have sent
/// verified content in this one. Bounded. A machine.
class KeptPeers {
  public:
    static constexpr std::size_t kMaxWatched = 256;

    /// Takes the peers that earlier runs have kept, the best first. What they gave counts half from now on.
    void take_earlier(std::span<const KeptPeer> earlier);
    /// The peer has sent so many bytes that are verified by now. `source` may be PeerSource::kept.
    void on_gave(const Endpoint& endpoint, PeerSource source, std::uint64_t bytes, TimePoint now);
    /// The peer, which has given something, is connected in this way. One without a manner leaves what an
    /// earlier connection has shown.
    void on_way(const Endpoint& endpoint, const KnownWay& way);
    /// True if a peer has given something since the last call of best().
    bool changed() const { return changed_; }
    /// The peers to keep, the best first: by bytes given, then by how recently. At most kMaxKeptPeers, and
    /// only those of which `may_keep` gives true.
    std::vector<KeptPeer> best(const std::function<bool(const KeptPeer&)>& may_keep, TimePoint now);
    /// The endpoints of earlier runs that a private torrent must not use (BEP 27).
    std::vector<Endpoint> hearsay() const;

  private:
    std::map<Endpoint, KeptPeer> peers_;
    bool changed_ = false;
};

}  // namespace btfs
