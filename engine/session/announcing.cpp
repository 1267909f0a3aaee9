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
      timer_(io) {}

void Announcing::start() {
    announcer_.start(Clock::now());
    carry_on();
}

void Announcing::completed() {
    announcer_.complete();
    carry_on();
}

void Announcing::want_peers() {
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

void Announcing::carry_on() {
    const TorrentTotals totals = owner_.totals();
    const tracker::AnnounceProgress progress{totals.uploaded, totals.downloaded, totals.left, false};
    while (auto job = announcer_.poll_job(Clock::now(), progress)) {
        log::debug("{}: announcing to {}", name_, tracker::public_url(job->url));
        const tracker::AnnounceId id = job->id;
        const std::string url = tracker::public_url(job->url);
        client_.announce(std::move(*job), [this, id, url, alive = std::weak_ptr(alive_)](
                                              Result<tracker::AnnounceReply> reply) {
            if (alive.expired()) return;
            if (reply) {
                if (reply->refused()) {
                    log::info("{}: {} refused: {}", name_, url, reply->failure_reason);
                } else {
                    log::debug("{}: {} knows {} peers", name_, url, reply->peers.size());
                }
                announcer_.handle_reply(id, *reply, Clock::now());
                if (!reply->peers.empty() && !stopped_) owner_.on_peers(reply->peers);
            } else {
                log::debug("{}: {}: {}", name_, url, reply.error().message());
                announcer_.handle_failure(id, reply.error(), Clock::now());
            }
            carry_on();
        });
    }
    if (stopped_ && announcer_.stopped()) return std::exchange(stopped_, nullptr)();
    if (announcer_.next_timeout() == kNever) return;
    timer_.expires_at(announcer_.next_timeout());
    timer_.async_wait([this](Error error) {
        if (!error) carry_on();
    });
}

}  // namespace btfs
