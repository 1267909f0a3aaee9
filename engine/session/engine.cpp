#include "engine/session/engine.hpp"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>

#include "engine/dht/item.hpp"
#include "engine/session/engine_loop.hpp"

namespace btfs {

Engine::Engine(const EngineOptions& options) : loop_(std::make_unique<Loop>(options)) {}

Engine::~Engine() {
    stop();
}

Result<void> Engine::open() {
    return loop_->open();
}

std::uint16_t Engine::port() const {
    return loop_->listener.port();
}

std::string Engine::proxy_url() const {
    const proxy::ProxyUrl* url = loop_->connector.proxy_url();
    return url ? url->shown() : std::string();
}

std::string Engine::proxy_text() const {
    return loop_->proxy_text();
}

void Engine::start() {
    const PeerPorts own = loop_->mapped_ports();
    loop_->post([this] { loop_->begin(); });
    // Starts the mapper before the engine thread, which may call it.
    if (loop_->options.port_mapping)
        loop_->mapper.start({own.tcp, own.dht}, [this](portmap::ReachablePorts ports) {
            loop_->post([this, ports] {
                loop_->take_outside_ports({ports.tcp, loop_->options.dht ? ports.udp : std::uint16_t{0}});
            });
        });
    loop_->thread = std::thread([this] {
        pthread_setname_np(pthread_self(), "engine");
        loop_->io.run();
    });
}

TorrentHandle Engine::add(TorrentSpec spec) {
    return loop_->add(std::move(spec));
}

void Engine::remove(TorrentHandle torrent, std::function<void()> removed) {
    loop_->post([this, torrent, removed = std::move(removed)] {
        if (loop_->stopping) return;
        loop_->remove_torrent(torrent);
        removed();
    });
}

void Engine::provide(TorrentHandle torrent, KnownContent content) {
    loop_->post([this, torrent, content = std::move(content)]() mutable {
        if (TorrentRunner* runner = loop_->find(torrent)) runner->provide(std::move(content));
    });
}

void Engine::set_demand(TorrentHandle torrent, ReaderId reader, const ReaderDemand& demand) {
    loop_->put_demand(torrent, reader, demand);
}

void Engine::drop_reader(TorrentHandle torrent, ReaderId reader) {
    loop_->put_demand(torrent, reader, std::nullopt);
}

void Engine::set_pinned(TorrentHandle torrent, Bitfield pieces) {
    loop_->post([this, torrent, pieces = std::move(pieces)]() mutable {
        loop_->starting.hurry(torrent);
        if (TorrentRunner* runner = loop_->find(torrent)) runner->set_pinned(std::move(pieces));
    });
}

void Engine::prefetch(TorrentHandle torrent, Bitfield pieces) {
    loop_->post([this, torrent, pieces = std::move(pieces)] {
        loop_->starting.hurry(torrent);
        if (TorrentRunner* runner = loop_->find(torrent)) runner->prefetch(pieces);
    });
}

void Engine::want_peers(TorrentHandle torrent) {
    loop_->post([this, torrent] {
        loop_->starting.hurry(torrent);
        if (TorrentRunner* runner = loop_->find(torrent)) runner->want_peers();
    });
}

void Engine::set_paused(TorrentHandle torrent, bool paused) {
    loop_->post([this, torrent, paused] {
        if (TorrentRunner* runner = loop_->find(torrent)) runner->set_paused(paused);
    });
}

void Engine::set_seed_goals(TorrentHandle torrent, std::optional<SeedGoals> goals,
                            std::optional<Duration> idle) {
    loop_->post([this, torrent, goals, idle] {
        SeedGoals all = goals.value_or(loop_->options.seed_goals);
        if (idle) all.idle = idle;
        if (TorrentRunner* runner = loop_->find(torrent)) runner->set_seed_goals(all);
    });
}

void Engine::set_trackers(TorrentHandle torrent, std::vector<std::vector<std::string>> trackers) {
    loop_->post([this, torrent, trackers = std::move(trackers)]() mutable {
        if (TorrentRunner* runner = loop_->find(torrent)) runner->set_trackers(std::move(trackers));
    });
}

void Engine::set_limits(TorrentHandle torrent, const OwnLimits& limits) {
    loop_->post([this, torrent, limits] {
        if (TorrentRunner* runner = loop_->find(torrent)) runner->set_limits(limits);
    });
}

void Engine::set_rate_limits(std::optional<std::uint64_t> upload, std::optional<std::uint64_t> download) {
    loop_->post([this, upload, download] {
        loop_->limits.set_rates(upload, download, Clock::now());
        for (const auto& [handle, runner] : loop_->runners) runner->on_limits_changed();
    });
}

void Engine::set_ip_filter(std::shared_ptr<const IpFilter> filter) {
    loop_->post([this, filter = std::move(filter)]() mutable { loop_->set_ip_filter(std::move(filter)); });
}

void Engine::get(net::HttpRequest request, std::function<void(Result<net::HttpResponse>)> done) {
    loop_->post([this, request = std::move(request), done = std::move(done)]() mutable {
        loop_->tasks.spawn("download", loop_->get(std::move(request), std::move(done)));
    });
}

void Engine::find_published(const PublishedName& name, Duration patience,
                            std::function<void(Result<Sha1Digest>)> done) {
    loop_->post(
        [this, item = dht::ItemName::mutable_of(name.key, name.salt), patience, done = std::move(done)] {
            if (!loop_->options.dht) return done(Errc::dht_off);
            loop_->dht.find_item(item, patience, [done](const std::optional<dht::RawItem>& found) {
                const auto info_hash = found ? dht::info_hash_of(*found) : std::nullopt;
                done(info_hash ? Result<Sha1Digest>(*info_hash) : Errc::publisher_not_found);
            });
        });
}

void Engine::ask_status(std::function<void(TorrentStatuses)> take) {
    loop_->post([this, take = std::move(take)] {
        TorrentStatuses all;
        all.reserve(loop_->runners.size());
        all.totals = loop_->removed_totals;
        for (const auto& [handle, runner] : loop_->runners) {
            all.totals.add(runner->totals());
            all.add(handle, runner->status(Clock::now()));
        }
        take(std::move(all));
    });
}

void Engine::ask_details(TorrentHandle torrent, std::function<void(std::optional<TorrentDetails>)> take) {
    loop_->post([this, torrent, take = std::move(take)] {
        const TorrentRunner* const runner = loop_->find(torrent);
        take(runner ? std::optional(runner->details(Clock::now())) : std::nullopt);
    });
}

void Engine::ask_trackers(std::vector<TorrentHandle> torrents, std::function<void(TrackersOf)> take) {
    loop_->post([this, torrents = std::move(torrents), take = std::move(take)]() mutable {
        std::ranges::sort(torrents);
        TrackersOf all;
        for (const TorrentHandle torrent : torrents)
            if (const TorrentRunner* const runner = loop_->find(torrent))
                all.emplace_back(torrent, runner->trackers());
        take(std::move(all));
    });
}

void Engine::stop() {
    if (!loop_->thread.joinable()) return;
    loop_->mapper.begin_stop();
    loop_->post([this] { loop_->begin_stop(); });
    loop_->thread.join();
    loop_->mapper.stop();
    for (auto& [handle, runner] : loop_->runners) runner->detach_storage();
}

}  // namespace btfs
