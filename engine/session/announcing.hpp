// Announcing: sends the announces of one torrent to its trackers, when Announcer says so.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "engine/net/tracker_client.hpp"
#include "engine/swarm/torrent.hpp"
#include "engine/tracker/announcer.hpp"

namespace btfs {

/// A shell around Announcer: its jobs go to the tracker client, the peers it learns of to its owner. Logs
/// trackers without path and query, which may hold passkeys. On the engine thread.
class Announcing {
  public:
    static constexpr Duration kHurry = 30s;

    struct Owner {
        std::function<TorrentTotals()> totals;
        std::function<void(std::span<const Endpoint>)> on_peers;
        /// A tracker sees us at an address (BEP 24).
        std::function<void(const Address& tracker, const Address& ours)> on_own_address;
    };

    Announcing(boost::asio::io_context& io, net::TrackerClient& client, std::string name,
               tracker::Announcer::Options options, const std::vector<std::vector<std::string>>& trackers,
               std::uint64_t seed, Owner owner);

    void start();
    /// Says goodbye to the trackers and asks nothing, until start().
    void pause();
    void set_trackers(const std::vector<std::vector<std::string>>& trackers);
    void completed();
    /// A reader waits for peers: the announces of the next kHurry go before those of other torrents.
    void want_peers();
    /// Our addresses are others: announces again to the trackers that allow it by now.
    void handle_network_change();
    void set_port(AddressFamily family, std::uint16_t port);
    /// Says goodbye to the trackers. Calls `stopped` once, when they have been told or none has to be told.
    void stop(std::function<void()> stopped);

    std::vector<tracker::TrackerStatus> status() const { return announcer_.status(); }

  private:
    void carry_on();
    void announce(tracker::AnnounceJob job, const std::string& shown);
    void on_reply(tracker::AnnounceId id, const tracker::AnnounceReply& reply, const std::string& shown);

    net::TrackerClient& client_;
    const std::string name_;
    Rng rng_;
    tracker::Announcer announcer_;
    Owner owner_;
    boost::asio::steady_timer timer_;
    std::function<void()> stopped_;
    std::set<net::AnnounceTicket> under_way_;
    TimePoint hurry_until_{};
    /// Replies may come when this has gone.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace btfs
