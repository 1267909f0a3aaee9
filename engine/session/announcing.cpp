#include "engine/session/announcing.hpp"

#include <boost/asio/io_context.hpp>
#include <utility>

#include "engine/log/log.hpp"
#include "engine/tracker/public_url.hpp"

namespace btfs {

Announcing::Announcing(boost::asio::io_context& io, net::TrackerClient& client, std::string name,
                       tracker::Announcer::Options options,
                       const std::vector<std::vector<std::string>>& trackers, std::uint64_t seed, Owner owner)
    : client_(client),
      name_(std::move(name)),
      rng_(seed),
      announcer_(std::move(options), tracker::TrackerTiers(trackers, rng_), rng_),
      owner_(std::move(owner)),
      timer_(io) {
    for (const tracker::TrackerStatus& shown : announcer_.status())
        if (!shown.usable) log::info("{}: {}: {}", name_, tracker::public_url(shown.url), shown.message);
}

void Announcing::start() {
    announcer_.start(Clock::now());
    carry_on();
}

void Announcing::pause() {
    announcer_.stop(Clock::now());
    carry_on();
}

void Announcing::set_trackers(const std::vector<std::vector<std::string>>& trackers) {
    announcer_.set_trackers(trackers, Clock::now());
    carry_on();
}

void Announcing::completed() {
    announcer_.complete();
    carry_on();
}

void Announcing::want_peers() {
    hurry_until_ = Clock::now() + kHurry;
    announcer_.want_peers(Clock::now());
    for (const net::AnnounceTicket ticket : under_way_) client_.hurry(ticket);
    carry_on();
}

void Announcing::handle_network_change() {
    announcer_.want_peers(Clock::now());
    carry_on();
}

void Announcing::set_port(AddressFamily family, std::uint16_t port) {
    announcer_.set_port(family, port);
    carry_on();
}

void Announcing::stop(std::function<void()> stopped) {
    stopped_ = std::move(stopped);
    announcer_.stop(Clock::now());
    carry_on();
}

void Announcing::announce(tracker::AnnounceJob job, const std::string& shown) {
    const tracker::AnnounceId id = job.id;
    const auto ticket = std::make_shared<net::AnnounceTicket>();
    *ticket = client_.announce(std::move(job), [this, id, shown, ticket, alive = std::weak_ptr(alive_)](
                                                   Result<tracker::AnnounceReply> reply) {
        if (alive.expired()) return;
        under_way_.erase(*ticket);
        if (reply) {
            on_reply(id, *reply, shown);
        } else {
            log::debug("{}: {}: {}", name_, shown, reply.error().message());
            announcer_.handle_failure(id, reply.error(), Clock::now());
        }
        carry_on();
    });
    under_way_.insert(*ticket);
}

void Announcing::on_reply(tracker::AnnounceId id, const tracker::AnnounceReply& reply,
                          const std::string& shown) {
    if (reply.refused()) {
        log::info("{}: {} refused: {}", name_, shown, reply.failure_reason);
    } else {
        log::debug("{}: {} knows {} peers", name_, shown, reply.peers.size());
    }
    announcer_.handle_reply(id, reply, Clock::now());
    if (stopped_) return;
    if (reply.external_ip && reply.tracker) owner_.on_own_address(*reply.tracker, *reply.external_ip);
    if (!reply.peers.empty()) owner_.on_peers(reply.peers);
}

void Announcing::carry_on() {
    const TorrentTotals totals = owner_.totals();
    const tracker::AnnounceProgress progress{totals.uploaded, totals.downloaded, totals.left,
                                             totals.partial_seed};
    while (auto job = announcer_.poll_job(Clock::now(), progress)) {
        const std::string shown = tracker::public_url(job->url);
        log::debug("{}: announcing to {}", name_, shown);
        // A `stopped` announce is urgent: at the end of the process it must not queue behind other torrents'
        // announces to trackers that do not answer.
        job->urgent = Clock::now() < hurry_until_ || job->request.event == tracker::AnnounceEvent::stopped;
        announce(std::move(*job), shown);
    }
    if (stopped_ && announcer_.stopped()) {
        timer_.cancel();
        return std::exchange(stopped_, nullptr)();
    }
    if (announcer_.next_timeout() == kNever) return;
    timer_.expires_at(announcer_.next_timeout());
    timer_.async_wait([this](Error error) {
        if (!error) carry_on();
    });
}

}  // namespace btfs
