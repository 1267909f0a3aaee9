// Carries announces to trackers, over HTTP, HTTPS or UDP.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "engine/core/rng.hpp"
#include "engine/net/http_client.hpp"
#include "engine/net/resolver.hpp"
#include "engine/net/task_group.hpp"
#include "engine/net/udp_mux.hpp"
#include "engine/tracker/announcer.hpp"
#include "engine/tracker/tracker_url.hpp"
#include "engine/tracker/udp_announce.hpp"

namespace btfs::net {

/// For all torrents. On the engine thread.
class TrackerClient {
  public:
    using Done = std::function<void(Result<tracker::AnnounceReply>)>;

    TrackerClient(boost::asio::io_context& io, Resolver& resolver, HttpClient& http, UdpMux& udp,
                  std::uint64_t seed);
    /// Drops all announces without calling anybody.
    ~TrackerClient();

    /// Calls `done` later, never from inside this call.
    void announce(tracker::AnnounceJob job, Done done);

  private:
    struct UdpExchange;

    Awaitable<void> announce_http(tracker::AnnounceJob job, Done done);
    Awaitable<void> announce_udp(tracker::AnnounceJob job, tracker::TrackerUrl url, std::uint64_t id);
    void begin_udp(std::uint64_t id, const Endpoint& to, const std::string& target,
                   const tracker::AnnounceJob& job);
    void pump(std::uint64_t id);
    void finish(std::uint64_t id, Result<tracker::AnnounceReply> result);

    boost::asio::io_context& io_;
    Resolver& resolver_;
    HttpClient& http_;
    UdpMux& udp_;
    Rng rng_;
    TaskGroup tasks_;
    std::map<std::uint64_t, std::unique_ptr<UdpExchange>> exchanges_;
    std::uint64_t next_id_ = 0;
    /// Connection ids that may save other torrents a round trip (BEP 15).
    std::map<Endpoint, tracker::UdpConnection> connections_;
};

}  // namespace btfs::net
