#include "cli/served_torrents.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "cli/failure.hpp"
#include "cli/torrent_url.hpp"

namespace btfs::cli {
namespace {

/// For a publisher's word in the DHT; when an earlier one is known, the mount need not wait so long.
constexpr Duration kPatience = 20s;
constexpr Duration kPatienceWithKept = 5s;

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
    for (const TorrentSource& source : sources.published) {
        const auto index = roster_.add({.name = source.name});
        worker_.post([this, index, source] { look_up(index, source, 0); });
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
    if (answer.again)
        return try_again(index, answer.problem, failures,
                         [this, index, url, failures] { fetch(index, url, failures + 1); });
    if (!answer.torrent) {
        roster_.update(index, [](RosterEntry& entry) { entry.fetch = "given up"; });
        throw Failure(shown_url(url) + ": " + answer.problem);
    }
    if (Error error = house_.cache_dir.keep_download(url, answer.content))
        spdlog::warn("{}: what was fetched cannot be kept: {}", shown_url(url), error.message());
    bring_in_if_new(index, std::move(*answer.torrent), "done");
}

void ServedTorrents::look_up(Roster::Index index, const TorrentSource& source, unsigned failures) {
    roster_.update(index, [](RosterEntry& entry) { entry.fetch = "asking the DHT for it"; });
    const auto take = [this, index, source, failures](Result<Sha1Digest> found) {
        worker_.post([this, index, source, failures, found] {
            or_fail(index, [&] { take_published(index, source, failures, found); });
        });
    };
    const Duration patience = kept_name(*source.published) ? kPatienceWithKept : kPatience;
    house_.engine.find_published(*source.published, patience, take);
}

std::optional<Sha1Digest> ServedTorrents::kept_name(const PublishedName& name) const {
    const auto kept = house_.cache_dir.kept_download(name.link());
    if (!kept || kept->size() != Sha1Digest::kSize) return std::nullopt;
    return Sha1Digest::from(*kept);
}

/// What the publisher said at an earlier mount will do while nobody knows what it says now.
void ServedTorrents::take_published(Roster::Index index, TorrentSource source, unsigned failures,
                                    const Result<Sha1Digest>& info_hash) {
    const std::string link = source.published->link();
    std::string_view fetch = "done";
    if (info_hash) {
        source.identity.v1 = *info_hash;
        if (Error error = house_.cache_dir.keep_download(link, info_hash->view()))
            spdlog::warn("{}: what it names cannot be kept: {}", link, error.message());
    } else if (const auto kept = kept_name(*source.published)) {
        source.identity.v1 = *kept;
        fetch = "kept from an earlier mount";
    } else if (info_hash.error() == Errc::dht_off) {
        throw Failure(link, info_hash.error());
    } else {
        return try_again(index, info_hash.error().message(), failures,
                         [this, index, source, failures] { look_up(index, source, failures + 1); });
    }
    bring_in_if_new(index, std::move(source), fetch);
}

void ServedTorrents::bring_in_if_new(Roster::Index index, TorrentSource source, std::string_view fetch) {
    if (source.identity.empty()) return look_up(index, source, 0);
    const Sha1Digest hash = source.identity.wire_hash();
    if (std::ranges::any_of(known_, [&](const Identity& identity) { return identity.answers_to(hash); })) {
        spdlog::info("{}: is mounted already, by another name", source.name);
        return roster_.remove(index);
    }
    roster_.update(index, [&](RosterEntry& entry) { entry.fetch = fetch; });
    bring_in(index, std::move(source));
}

void ServedTorrents::try_again(Roster::Index index, const std::string& problem, unsigned failures,
                               Worker::Job attempt) {
    const Duration delay = retry_delay(failures + 1);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(delay).count();
    const std::string text = problem + "; again in " + std::to_string(seconds) + " s";
    std::string name;
    roster_.update(index, [&](RosterEntry& entry) {
        entry.fetch = text;
        name = entry.name;
    });
    spdlog::warn("{}: {}", name, text);
    worker_.post(std::move(attempt), Clock::now() + delay);
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
