// Carries announces to trackers, over HTTP, HTTPS or UDP.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "engine/core/rng.hpp"
#include "engine/net/connector.hpp"
#include "engine/net/http_client.hpp"
#include "engine/net/task_group.hpp"
#include "engine/tracker/announcer.hpp"
#include "engine/tracker/tracker_url.hpp"
#include "engine/tracker/udp_announce.hpp"

namespace btfs::net {

/// Names an announce under way; never reused.
using AnnounceTicket = std::uint64_t;

/// For all torrents. Announces over HTTP wait in a queue while kMaxHttp are under way: urgent ones first, and
/// kKeptForUrgent places are theirs alone. A URL of a torrent may lead into the local network only as
/// http::local_access_of() says. On the engine thread.
class TrackerClient {
  public:
    static constexpr std::size_t kMaxHttp = 96;
    static constexpr std::size_t kKeptForUrgent = 32;

    using Done = std::function<void(Result<tracker::AnnounceReply>)>;

    TrackerClient(Connector& connector, HttpClient& http, std::uint64_t seed);
    /// Drops all announces without calling anybody.
    ~TrackerClient();

    /// Calls `done` once, later, never from inside this call. Errors: tracker_bad_url, tracker_timed_out, and
    /// those of HttpClient, Connector::resolve(), UdpAnnounce and parse_http_announce().
    AnnounceTicket announce(tracker::AnnounceJob job, Done done);
    /// A reader waits for this announce from now on, if it is still under way.
    void hurry(AnnounceTicket ticket);
    /// Our addresses are others: UDP trackers know connection ids by them (BEP 15).
    void handle_network_change() { connections_.clear(); }

  private:
    struct UdpExchange;

    /// The order of sending: urgent ones first, then by age.
    struct Place {
        bool ordinary = true;
        AnnounceTicket ticket = 0;
        auto operator<=>(const Place&) const = default;
    };
    struct Queued {
        tracker::AnnounceJob job;
        TimePoint deadline;
        Done done;
    };

    void send_queued();
    Awaitable<void> announce_http(AnnounceTicket ticket, Queued queued);
    Awaitable<Result<tracker::AnnounceReply>> ask_over_http(const Queued& queued);
    Awaitable<void> announce_udp(tracker::AnnounceJob job, tracker::TrackerUrl url, AnnounceTicket ticket);
    void begin_udp(std::uint64_t id, const Endpoint& to, const std::string& target,
                   const tracker::AnnounceJob& job);
    void listen(std::uint64_t id);
    void pump(std::uint64_t id);
    void finish(std::uint64_t id, Result<tracker::AnnounceReply> result);

    Connector& connector_;
    HttpClient& http_;
    Rng rng_;
    TaskGroup tasks_;
    std::map<std::uint64_t, std::unique_ptr<UdpExchange>> exchanges_;
    std::map<Place, Queued> queue_;
    std::size_t http_under_way_ = 0;
    /// The names that announces under way may still be looking up.
    std::map<AnnounceTicket, NameQuestion> names_;
    AnnounceTicket next_id_ = 0;
    /// Connection ids that may save other torrents a round trip (BEP 15).
    std::map<Endpoint, tracker::UdpConnection> connections_;
};

}  // namespace btfs::net
