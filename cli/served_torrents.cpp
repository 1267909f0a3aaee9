#include "cli/served_torrents.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "cli/failure.hpp"
#include "cli/torrent_url.hpp"

namespace btfs::cli {
namespace {

/// The same at every mount, as media servers expect.
std::int64_t modification_time(const Metainfo& torrent, const CacheDir& cache_dir) {
    const std::int64_t created = torrent.creation_date.value_or(0);
    return created > 0 ? created : cache_dir.first_seen(torrent.identity);
}

KnownContent known(const Metainfo& metainfo, Storage& storage) {
    return {metainfo.layout, storage, metainfo.info_bytes, metainfo.is_private};
}

}  // namespace

ServedTorrents::ServedTorrents(House house)
    : house_(std::move(house)),
      engine_status_(house_.engine),
      filesystem_({{"status", [this] { return status_text(reports()); }}}) {}

ServedTorrents::~ServedTorrents() {
    end();
    house_.engine.stop();
}

void ServedTorrents::add(Sources sources) {
    for (TorrentSource& source : sources.torrents) {
        RosterEntry entry{.name = source.name, .url = shown_url(source.url)};
        if (!source.url.empty()) entry.fetch = "kept from an earlier mount";
        bring_in(roster_.add(std::move(entry)), std::move(source));
    }
    for (const std::string& url : sources.urls) {
        const auto index = roster_.add({.name = shown_url(url), .url = shown_url(url)});
        worker_.post([this, index, url] { fetch(index, url, 0); });
    }
}

void ServedTorrents::start() {
    worker_.start();
}

void ServedTorrents::end() {
    worker_.end();
}

std::vector<TorrentReport> ServedTorrents::reports() {
    const EngineStatus::Snapshot statuses = engine_status_.get();
    std::vector<TorrentReport> reports;
    for (RosterEntry& entry : roster_.entries()) {
        TorrentReport& report = reports.emplace_back();
        report.entry = std::move(entry);
        if (report.entry.slot) report.entry.name = filesystem_.name_of(*report.entry.slot);
        if (const auto handle = report.entry.handle; handle && *handle < statuses->size())
            report.status = (*statuses)[*handle];
    }
    return reports;
}

void ServedTorrents::bring_in(Roster::Index index, TorrentSource source) {
    if (!source.metainfo) source.metainfo = kept(source.identity);
    known_.push_back(source.identity);
    TorrentSpec spec{source.name, source.identity, std::nullopt, std::move(source.trackers), house_.peers};
    spec.background_files = source.selected_files;
    spec.peers.insert(spec.peers.end(), source.peers.begin(), source.peers.end());
    Served* served = nullptr;
    if (source.metainfo) {
        spec.name = source.metainfo->name;
        spec.dht_nodes = source.metainfo->dht_nodes;
        served = &open(*source.metainfo);
        spec.content.emplace(known(*source.metainfo, *served->store));
    } else {
        spec.on_metadata = [this, index](TorrentHandle torrent, std::shared_ptr<const Bytes> info) {
            worker_.post([this, index, torrent, info] {
                or_fail(index, [&] { take_metadata(index, torrent, *info); });
            });
        };
    }
    const TorrentHandle handle = house_.engine.add(std::move(spec));
    roster_.update(index, [&](RosterEntry& entry) {
        entry.name = source.name;
        entry.info_hash = source.identity.cache_key();
        entry.handle = handle;
    });
    if (served) show(index, *source.metainfo, *served, handle);
}

std::optional<Metainfo> ServedTorrents::kept(const Identity& identity) const {
    const auto info = house_.cache_dir.kept_info(identity);
    if (!info) return std::nullopt;
    auto metainfo = parse_info(*info);
    if (!metainfo) return std::nullopt;
    return std::move(*metainfo);
}

ServedTorrents::Served& ServedTorrents::open(const Metainfo& metainfo) {
    auto store = house_.cache_dir.open_torrent({metainfo.identity, metainfo.layout, metainfo.hashes},
                                               house_.pool, house_.memory);
    if (!store) throw Failure(metainfo.name, store.error());
    served_.push_back({std::move(*store), nullptr});
    return served_.back();
}

void ServedTorrents::show(Roster::Index index, const Metainfo& metainfo, Served& served,
                          TorrentHandle handle) {
    served.demand = std::make_unique<EngineDemand>(house_.engine, handle);
    const Sha1Digest info_hash = metainfo.identity.wire_hash();
    const Slot slot = filesystem_.add({info_hash, metainfo.files, *served.store, *served.demand,
                                       modification_time(metainfo, house_.cache_dir)});
    roster_.update(index, [&](RosterEntry& entry) { entry.slot = slot; });
}

void ServedTorrents::take_metadata(Roster::Index index, TorrentHandle torrent, const Bytes& info) {
    const auto metainfo = parse_info(info);
    if (!metainfo) throw Failure("the torrent that the swarm described", metainfo.error());
    Served& served = open(*metainfo);
    if (Error error = house_.cache_dir.keep_info(metainfo->identity, info))
        spdlog::warn("{}: its description cannot be kept: {}", metainfo->name, error.message());
    house_.engine.provide(torrent, known(*metainfo, *served.store));
    show(index, *metainfo, served, torrent);
}

void ServedTorrents::fetch(Roster::Index index, const std::string& url, unsigned failures) {
    roster_.update(index, [](RosterEntry& entry) { entry.fetch = "under way"; });
    house_.engine.get(torrent_request(url), [this, index, url, failures](Result<net::HttpResponse> response) {
        worker_.post([this, index, url, failures, response = std::move(response)] {
            or_fail(index, [&] { take_download(index, url, failures, response); });
        });
    });
}

void ServedTorrents::take_download(Roster::Index index, const std::string& url, unsigned failures,
                                   const Result<net::HttpResponse>& response) {
    UrlAnswer answer = judge(response);
    if (answer.again) {
        const Duration delay = retry_delay(failures + 1);
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(delay).count();
        const std::string text = answer.problem + "; again in " + std::to_string(seconds) + " s";
        spdlog::warn("{}: {}", shown_url(url), text);
        roster_.update(index, [&](RosterEntry& entry) { entry.fetch = text; });
        worker_.post([this, index, url, failures] { fetch(index, url, failures + 1); }, Clock::now() + delay);
        return;
    }
    if (!answer.torrent) {
        roster_.update(index, [](RosterEntry& entry) { entry.fetch = "given up"; });
        throw Failure(shown_url(url) + ": " + answer.problem);
    }
    if (Error error = house_.cache_dir.keep_download(url, answer.content))
        spdlog::warn("{}: what was fetched cannot be kept: {}", shown_url(url), error.message());
    const Sha1Digest hash = answer.torrent->identity.wire_hash();
    if (std::ranges::any_of(known_, [&](const Identity& identity) { return identity.answers_to(hash); })) {
        spdlog::info("{}: is mounted already, by another name", shown_url(url));
        return roster_.remove(index);
    }
    roster_.update(index, [](RosterEntry& entry) { entry.fetch = "done"; });
    bring_in(index, std::move(*answer.torrent));
}

/// What fails here fails for good, and that is to be seen in the status, too.
template <class F>
void ServedTorrents::or_fail(Roster::Index index, F bring) {
    try {
        bring();
    } catch (const std::exception& failure) {
        roster_.update(index, [&](RosterEntry& entry) { entry.problem = failure.what(); });
        throw;
    }
}

}  // namespace btfs::cli
