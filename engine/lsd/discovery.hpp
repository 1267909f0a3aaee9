// Local service discovery (BEP 14): schedules announcements and takes those of others.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/core/rng.hpp"
#include "engine/core/time.hpp"
#include "engine/lsd/announcement.hpp"

namespace btfs::lsd {

/// A machine, for all torrents of the process but the private ones (BEP 27), which it must not be told of.
/// Each is announced as soon as it is there, once more soon after that, since multicast datagrams are the
/// first to get lost, and then every kInterval; one datagram holds many.
class Discovery {
  public:
    static constexpr Duration kInterval = 5min;
    static constexpr Duration kRepeatAfter = 5s;
    /// Datagrams are so far apart, however many torrents there are.
    static constexpr Duration kSpacing = 1s;
    /// A datagram that has room takes along what would be due so soon.
    static constexpr Duration kEarly = 1min;
    /// So many datagrams of others are looked at in a second.
    static constexpr unsigned kMaxHeard = 50;

    /// Somebody has some of our torrents.
    struct Neighbour {
        Endpoint endpoint;
        std::vector<Sha1Digest> info_hashes;
    };

    /// The cookie is made of `rng`.
    explicit Discovery(Rng& rng);

    void add(const Sha1Digest& info_hash, TimePoint now);
    void remove(const Sha1Digest& info_hash);
    /// The local networks are others: all is announced as if it had just come.
    void announce_again(TimePoint now);

    /// The datagram to send now, to each group. `port` is where we listen for peers.
    std::optional<Announcement> poll_announcement(std::uint16_t port, TimePoint now);
    /// When poll_announcement() may have one; kNever without torrents.
    TimePoint next_timeout() const;

    /// Nothing for what is ours, malformed, of no torrent that we have, or more than we look at; nor from
    /// where no peer can be dialled: an IPv6 address that means nothing without its interface.
    std::optional<Neighbour> handle_datagram(const Address& from, ByteView datagram, TimePoint now);

  private:
    struct Torrent {
        TimePoint due{};
        bool announced = false;
    };

    void enqueue(const Sha1Digest& info_hash, Torrent& torrent, TimePoint due);

    const std::string cookie_;
    std::map<Sha1Digest, Torrent> torrents_;
    std::set<std::pair<TimePoint, Sha1Digest>> queue_;  ///< when each is due
    TimePoint next_datagram_{};
    TimePoint heard_since_{};
    unsigned heard_ = 0;  ///< since then
};

}  // namespace btfs::lsd
