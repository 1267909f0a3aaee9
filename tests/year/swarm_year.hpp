// The engine's machines over a long time: torrents that come and go, their peers, trackers, and the DHT.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "tests/year/dht_world.hpp"
#include "tests/year/growth.hpp"
#include "tests/year/mounted_torrent.hpp"

namespace btfs::year {

/// One process in virtual time. A torrent comes each 40 minutes on average and stays for half a day on
/// average, some for days; every third has the info-hash of an earlier one. kStaying of them stay from the
/// first day to the last. Each week the network changes.
class SwarmYear {
  public:
    static constexpr std::size_t kStaying = 4;

    explicit SwarmYear(std::uint64_t seed);
    ~SwarmYear();

    void run_for(Duration time);
    /// Lets all torrents leave but those that stay, waits for kRest, and notes what the process holds then:
    /// how many torrents there are at a time is chance, and would hide a small leak.
    void note(Growth& growth);
    static constexpr Duration kRest = std::chrono::hours(3);

    const Counts& counts() const { return process_.counts; }
    /// The counts in one line.
    std::string happened() const;

  private:
    using TorrentPtr = std::shared_ptr<MountedTorrent>;

    void torrent_comes();
    TorrentPtr add_torrent(std::uint64_t number, std::uint64_t hosts);
    void remove(const TorrentPtr& torrent);
    void visit(const TorrentPtr& torrent);
    void visit_later(const TorrentPtr& torrent);
    void hear_local_network();
    void change_network();
    void send_stranger();
    Duration about(Duration average);

    Process process_;
    std::deque<TorrentPtr> torrents_;
    DhtWorld dht_;
    Alarm lsd_alarm_;
    std::uint64_t numbers_ = 0;  ///< of torrents, given out so far
    bool rests_ = false;
};

}  // namespace btfs::year
