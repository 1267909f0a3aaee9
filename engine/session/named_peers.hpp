// Keeps the addresses of the user's peers up to date.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <list>
#include <span>
#include <string>
#include <vector>

#include "engine/core/host_port.hpp"
#include "engine/core/time.hpp"
#include "engine/net/connector.hpp"
#include "engine/net/task_group.hpp"

namespace btfs {

/// When a name is looked up: again soon after a failure, later and later; and from time to time after a
/// success, since a home's address changes. A machine.
class NameSchedule {
  public:
    static constexpr Duration kFirstRetry = 5s;
    static constexpr Duration kLongestRetry = 5min;
    static constexpr Duration kRefresh = 10min;

    explicit NameSchedule(TimePoint now) : due_(now) {}

    TimePoint due() const { return due_; }
    void handle_found(TimePoint now);
    void handle_failure(TimePoint now);
    /// Handles a change of the network: a look-up that failed may succeed now, so it is due at once.
    void handle_network_change(TimePoint now);

  private:
    TimePoint due_;
    Duration retry_ = kFirstRetry;
};

/// Looks names up until stop(). On the engine thread.
class NamedPeers {
  public:
    using OnFound = std::function<void(std::span<const Endpoint>)>;

    explicit NamedPeers(net::Connector& connector);

    /// `on_found` is called at least once after each look-up that found something. An address in place of a
    /// name is told at once.
    void add(TorrentHandle torrent, HostPort peer, OnFound on_found);
    /// Forgets the peers of a torrent: nothing is told of them any more.
    void remove(TorrentHandle torrent);
    /// Tells of all addresses once more that were found last.
    void tell_again();
    void handle_network_change();
    /// Looks nothing up any more. Look-ups under way end unheard.
    void stop();

  private:
    struct Name {
        TorrentHandle torrent;
        HostPort peer;
        OnFound on_found;
        NameSchedule schedule;
        std::vector<Endpoint> found = {};
        bool warned = false;
        bool looking = false;
        bool removed = false;  ///< while it was looked up
    };
    struct Literal {
        TorrentHandle torrent;
        Endpoint endpoint;
        OnFound on_found;
    };

    void carry_on();
    net::Awaitable<void> look_up(Name& name);

    net::Connector& connector_;
    net::TaskGroup tasks_;
    boost::asio::steady_timer timer_;
    std::list<Name> names_;
    std::vector<Literal> literals_;
    bool stopped_ = false;
};

}  // namespace btfs
