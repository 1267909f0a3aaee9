// Carries out one torrent's announcing.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/net/tracker_client.hpp"
#include "engine/swarm/torrent.hpp"
#include "engine/tracker/announcer.hpp"

namespace btfs {

/// A shell around Announcer: its jobs go to the tracker client, the peers it learns of to its owner. On the
/// engine thread.
class Announcing {
  public:
    struct Owner {
        std::function<TorrentTotals()> totals;
        std::function<void(std::span<const Endpoint>)> on_peers;
    };

    Announcing(boost::asio::io_context& io, net::TrackerClient& client, std::string name,
               tracker::Announcer::Options options, const std::vector<std::vector<std::string>>& trackers,
               std::uint64_t seed, Owner owner);

    void start();
    void completed();
    void want_peers();
    void set_port(AddressFamily family, std::uint16_t port);
    /// Calls `stopped` once, when trackers have been told or there is nobody to tell.
    void stop(std::function<void()> stopped);

    std::vector<tracker::TrackerStatus> status() const { return announcer_.status(); }

  private:
    void carry_on();

    net::TrackerClient& client_;
    const std::string name_;
    Rng rng_;
    tracker::Announcer announcer_;
    Owner owner_;
    boost::asio::steady_timer timer_;
    std::function<void()> stopped_;
    /// Replies may come when this has gone.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace btfs
