#include "cli/served_torrents.hpp"

#include <spdlog/spdlog.h>

#include "cli/failure.hpp"
#include "cli/torrent_file.hpp"

namespace btfs::cli {
namespace {

/// The same at every mount, as media servers expect.
std::int64_t modification_time(const Metainfo& torrent, const CacheDir& cache_dir) {
    const std::int64_t created = torrent.creation_date.value_or(0);
    return created > 0 ? created : cache_dir.first_seen(torrent.identity);
}

const Identity& identity_of(const Source& source) {
    const auto* metainfo = std::get_if<Metainfo>(&source);
    return metainfo ? metainfo->identity : std::get<Magnet>(source).identity;
}

std::string name_of(const Magnet& magnet) {
    return magnet.name.empty() ? magnet.identity.cache_key() : magnet.name;
}

KnownContent known(const Metainfo& metainfo, Storage& storage) {
    return {metainfo.layout, storage, metainfo.info_bytes, metainfo.is_private};
}

}  // namespace

std::vector<Source> load_sources(const std::vector<std::string>& texts) {
    std::vector<Source> sources;
    std::set<std::string> seen;
    for (const std::string& text : texts) {
        const auto load = [&]() -> Source {
            if (!looks_like_magnet(text)) return load_torrent(text);
            auto magnet = parse_magnet(text);
            if (!magnet) throw Failure(text.substr(0, 200) + ": " + magnet.error().message());
            return std::move(*magnet);
        };
        Source source = load();
        if (seen.insert(identity_of(source).cache_key()).second) sources.push_back(std::move(source));
    }
    return sources;
}

ServedTorrents::~ServedTorrents() {
    end();
    house_.engine.stop();
}

void ServedTorrents::add(const Source& source) {
    if (const auto* metainfo = std::get_if<Metainfo>(&source)) return add_metainfo(*metainfo, {}, {});
    const Magnet& magnet = std::get<Magnet>(source);
    if (const auto metainfo = kept(magnet.identity))
        return add_metainfo(*metainfo, magnet.trackers, magnet.peers);
    add_magnet(magnet);
}

std::optional<Metainfo> ServedTorrents::kept(const Identity& identity) const {
    const auto info = house_.cache_dir.kept_info(identity);
    if (!info) return std::nullopt;
    auto metainfo = parse_info(*info);
    if (!metainfo) return std::nullopt;
    return std::move(*metainfo);
}

void ServedTorrents::add_metainfo(const Metainfo& metainfo,
                                  const std::vector<std::vector<std::string>>& more_trackers,
                                  const std::vector<HostPort>& more_peers) {
    Served& served = open(metainfo);
    TorrentSpec spec{metainfo.name, metainfo.identity, known(metainfo, *served.store), metainfo.trackers,
                     house_.peers};
    spec.dht_nodes = metainfo.dht_nodes;
    spec.trackers.insert(spec.trackers.end(), more_trackers.begin(), more_trackers.end());
    spec.peers.insert(spec.peers.end(), more_peers.begin(), more_peers.end());
    show(metainfo, served, house_.engine.add(std::move(spec)));
}

void ServedTorrents::add_magnet(const Magnet& magnet) {
    TorrentSpec spec{name_of(magnet), magnet.identity, std::nullopt, magnet.trackers, house_.peers};
    spec.peers.insert(spec.peers.end(), magnet.peers.begin(), magnet.peers.end());
    spec.on_metadata = [this](TorrentHandle torrent, std::shared_ptr<const Bytes> info) {
        {
            std::lock_guard lock(mutex_);
            fetched_.push_back({torrent, std::move(info)});
        }
        changed_.notify_one();
    };
    house_.engine.add(std::move(spec));
}

ServedTorrents::Served& ServedTorrents::open(const Metainfo& metainfo) {
    auto store = house_.cache_dir.open_torrent({metainfo.identity, metainfo.layout, metainfo.hashes},
                                               house_.pool, house_.memory);
    if (!store) throw Failure(metainfo.name, store.error());
    served_.push_back({std::move(*store), nullptr});
    return served_.back();
}

void ServedTorrents::show(const Metainfo& metainfo, Served& served, TorrentHandle handle) {
    served.demand = std::make_unique<EngineDemand>(house_.engine, handle);
    const Sha1Digest info_hash = metainfo.identity.wire_hash();
    filesystem_.add({info_hash, metainfo.files, *served.store, *served.demand,
                     modification_time(metainfo, house_.cache_dir)});
}

void ServedTorrents::start() {
    thread_ = std::thread([this] { work(); });
}

void ServedTorrents::end() {
    {
        std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void ServedTorrents::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return ending_ || !fetched_.empty(); });
        if (ending_) return;
        const Fetched next = std::move(fetched_.front());
        fetched_.pop_front();
        lock.unlock();
        try {
            take(next);
        } catch (const std::exception& failure) {
            spdlog::error("{}", failure.what());
        }
        lock.lock();
    }
}

void ServedTorrents::take(const Fetched& fetched) {
    const auto metainfo = parse_info(*fetched.info);
    if (!metainfo) throw Failure("the torrent that the swarm described", metainfo.error());
    Served& served = open(*metainfo);
    if (Error error = house_.cache_dir.keep_info(metainfo->identity, *fetched.info))
        spdlog::warn("{}: its description cannot be kept: {}", metainfo->name, error.message());
    house_.engine.provide(fetched.torrent, known(*metainfo, *served.store));
    show(*metainfo, served, fetched.torrent);
}

}  // namespace btfs::cli
