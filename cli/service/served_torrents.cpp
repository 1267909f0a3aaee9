#include "cli/service/served_torrents.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <thread>

#include "cli/process/failure.hpp"
#include "cli/service/content_time.hpp"
#include "cli/service/data_search.hpp"
#include "cli/service/metrics_text.hpp"
#include "cli/service/status_json.hpp"
#include "cli/sources/torrent_url.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

/// Time from the start of a mount in which an earlier one of the same torrents may still be ending.
constexpr Duration kEarlierMountEnds = 2s;
constexpr Duration kLookAgain = 20ms;

/// Returns a modification time that is the same at every mount, as media servers expect.
std::int64_t modification_time(const Metainfo& torrent, const CacheDir& cache_dir) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto created = creation_time(torrent.creation_date.value_or(0),
                                       std::chrono::duration_cast<std::chrono::seconds>(now).count());
    return created ? *created : cache_dir.first_seen(torrent.identity);
}

KnownContent known(const Metainfo& metainfo, Storage& storage) {
    return {metainfo.layout, storage, metainfo.info_bytes, metainfo.is_private};
}

}  // namespace

ServedTorrents::ServedTorrents(Services services)
    : services_(std::move(services)),
      engine_status_(services_.engine),
      worker_(std::make_shared<Worker>()),
      finder_({services_.engine, services_.cache_dir, roster_, *worker_},
              [this](Roster::Index index, TorrentSource source) {
                  library_.update_soon();  // behind this job, also if it fails
                  try {
                      bring_in_if_new(index, std::move(source));
                  } catch (const std::exception& failure) {
                      if (roster_.has(index)) give_up(index, failure.what());
                      throw;
                  }
              }),
      kept_settings_(services_.added, roster_),
      pins_({services_.engine, services_.cache_dir, roster_, services_.added}),
      library_({services_.library, roster_, filesystem_, *worker_, [this] { return takes_up_added(); }}),
      dropped_content_({services_.cache_dir, services_.added, made_ + kEarlierMountEnds}),
      filesystem_({.virtual_files = {{"status", [this] { return status_text(report()); }},
                                     {"status.json",
                                      [this] { return boost::json::serialize(mount_json(report())) + '\n'; }},
                                     {"metrics", [this] { return metrics_text(report()); }}},
                   .virtual_members = torrent_folders(),
                   .commands = services_.takes_commands ? &shell_commands_ : nullptr,
                   .inode_width = services_.inode_width}) {}

ServedTorrents::~ServedTorrents() {
    end();
    services_.engine.stop();
    keeping_.wait_until_unused();
}

void ServedTorrents::add(Sources sources) {
    std::vector<std::string> failures;
    DataSearch data(services_.data, sources.torrents);
    for (std::size_t i = 0; i < sources.torrents.size(); ++i) {
        std::unique_ptr<AdoptedFiles> adopted = data.take(i);
        TorrentSource& source = sources.torrents[i];
        RosterEntry entry{.name = source.name, .url = shown_url(source.url), .of_command_line = true};
        if (!source.url.empty()) {
            entry.source_url = AddedSources::name_of(as_bytes(source.url));
            entry.fetch = "kept from an earlier mount";
        }
        const auto index = roster_.add(std::move(entry));
        try {
            roster_.or_fail(index, [&] { bring_in(index, std::move(source), std::move(adopted)); });
        } catch (const Failure& failure) {
            failures.emplace_back(failure.what());
            failed_.emplace(roster_.get(index).info_hash, index);
        }
    }
    const std::size_t count = sources.count();
    if (count == 1 && failures.size() == 1) throw Failure(failures.front());
    for (const std::string& failure : failures) log::warn("left out: {}", failure);
    if (!failures.empty() && failures.size() == count)
        throw Failure("not one of " + std::to_string(count) + " torrents can be served");
    for (const std::string& url : sources.urls) {
        const auto index = roster_.add({.name = shown_url(url),
                                        .url = shown_url(url),
                                        .source_url = AddedSources::name_of(as_bytes(url)),
                                        .of_command_line = true});
        worker_->post([this, index, url] { finder_.fetch(index, url); });
    }
    for (const TorrentSource& source : sources.published) {
        const auto index = roster_.add({.name = source.name, .of_command_line = true});
        worker_->post([this, index, source] { finder_.look_up(index, source); });
    }
}

void ServedTorrents::start() {
    watch_waits();
    take_next_added(services_.added ? take_first_added(services_.added->names()) : std::deque<std::string>{});
    worker_->start();
}

void ServedTorrents::end() {
    worker_->end();
}

void ServedTorrents::close_begin(TimePoint sync_until) {
    for (const auto* torrents : {&served_, &removed_})
        for (const auto& [index, served] : *torrents) served.store->close_begin(sync_until);
}

std::vector<TorrentReport> ServedTorrents::reports() {
    return reports_of(*engine_status_.get());
}

std::vector<TorrentReport> ServedTorrents::reports_of(const TorrentStatuses& statuses) {
    const auto names = filesystem_.names();
    auto entries = roster_.all();
    std::vector<TorrentReport> reports;
    reports.reserve(entries.size());
    for (auto& [index, entry] : entries) {
        TorrentReport& report = reports.emplace_back();
        report.entry = std::move(entry);
        report.index = index;
        if (const auto name = report.entry.slot ? names.find(*report.entry.slot) : names.end();
            name != names.end())
            report.entry.name = name->second;
        if (!report.entry.handle) continue;
        if (const TorrentStatus* const status = statuses.find(*report.entry.handle)) report.status = *status;
    }
    return reports;
}

MountReport ServedTorrents::report() {
    const EngineStatus::Snapshot statuses = engine_status_.get();
    MountReport report{.torrents = reports_of(*statuses),
                       .readers = filesystem_.readers(),
                       .proxy = services_.engine.proxy_text(),
                       .port = services_.engine.port(),
                       .totals = statuses->totals,
                       .age = Clock::now() - made_};
    report.read_times = filesystem_.read_path().times();
    report.scans = filesystem_.read_path().scan_count();
    for (const TorrentReport& torrent : report.torrents) {
        if (!torrent.status) continue;
        for (const ReaderWait& wait : torrent.status->waits) report.why.emplace(wait.reader, why_text(wait));
    }
    // For a read of which the engine lacks nothing, the cache is reading and verifying.
    for (const ReaderStatus& reader : report.readers)
        if (reader.waiting > 0) report.why.try_emplace(reader.reader, "being verified");
    if (const CacheBound* const bound = services_.cache_dir.bound()) {
        report.cache_used = bound->used();
        report.cache_limit = bound->limit();
        report.cache_evicted = bound->evicted();
    }
    return report;
}

void ServedTorrents::bring_in(Roster::Index index, TorrentSource source,
                              std::unique_ptr<AdoptedFiles> adopted) {
    if (!source.metainfo) {
        source.metainfo = kept(source.identity);
        if (source.metainfo) adopted = find_data(*source.metainfo);
    }
    roster_.update(index, [&](RosterEntry& entry) {
        entry.name = source.name;
        entry.info_hash = source.identity.cache_key();
        if (entry.added_ms == 0) entry.added_ms = AddedSources::now_ms();
    });
    kept_settings_.take_up(index);
    if (auto changed = roster_.get(index).trackers) source.trackers = std::move(*changed);
    know(index, source);
    TorrentSpec spec{source.name, source.identity, std::nullopt, std::move(source.trackers), services_.peers};
    spec.background_files = source.selected_files;
    spec.web_seeds = std::move(source.web_seeds);
    spec.peers.insert(spec.peers.end(), source.peers.begin(), source.peers.end());
    spec.kept_peers = services_.cache_dir.kept_peers(source.identity).value_or(Bytes{});
    spec.paused = roster_.get(index).paused;
    spec.on_peers = [this, identity = source.identity](Bytes peers) {
        keep_peers(identity, std::move(peers));
    };
    ServedTorrent* served = nullptr;
    if (source.metainfo) {
        spec.name = source.metainfo->name;
        spec.dht_nodes = source.metainfo->dht_nodes;
        spec.web_seeds.insert(spec.web_seeds.end(), source.metainfo->web_seeds.begin(),
                              source.metainfo->web_seeds.end());
        spec.http_seeds = source.metainfo->http_seeds;
        served = &open(index, *source.metainfo, std::move(adopted));
        spec.content.emplace(known(*source.metainfo, *served->store));
    } else {
        spec.on_metadata = [this, index](TorrentHandle torrent, std::shared_ptr<const Bytes> info) {
            worker_->post([this, index, torrent, info] {
                if (!roster_.has(index)) return;
                library_.update_soon();  // behind this job, also if it fails
                try {
                    take_metadata(index, torrent, *info);
                } catch (const std::exception& failure) {
                    give_up(index, failure.what());
                    throw;
                }
            });
        };
    }
    const TorrentHandle handle = services_.engine.add(std::move(spec));
    for (const Sha1Digest& hash : source.identity.wire_hashes()) known_.emplace(hash, index);
    roster_.update(index, [&](RosterEntry& entry) { entry.handle = handle; });
    if (const RosterEntry entry = roster_.get(index); entry.limits != TorrentLimits{}) apply_limits(entry);
    if (served) show(index, *source.metainfo, *served, handle);
}

/// On the engine thread, which does not wait for the disk.
void ServedTorrents::keep_peers(const Identity& identity, Bytes peers) {
    services_.pool.submit_always(DiskWork::write, [token = keeping_.use(), &cache_dir = services_.cache_dir,
                                                   identity, peers = std::move(peers)] {
        if (const Error error = cache_dir.keep_peers(identity, peers))
            log::debug("the peers of {} are not kept: {}", identity.cache_key(), error.message());
    });
}

std::optional<Metainfo> ServedTorrents::kept(const Identity& identity) const {
    const auto info = services_.cache_dir.kept_info(identity);
    if (!info) return std::nullopt;
    auto metainfo = parse_info(*info);
    if (!metainfo) return std::nullopt;
    return std::move(*metainfo);
}

std::unique_ptr<AdoptedFiles> ServedTorrents::find_data(const Metainfo& metainfo) const {
    return services_.data.find(metainfo.name, metainfo.files, metainfo.layout);
}

/// A process whose mount has just been unmounted may still be ending, and have the store. (What was found of
/// other clients' files is used up by the first attempt.)
Result<std::unique_ptr<TorrentStore>> ServedTorrents::open_store(const Metainfo& metainfo,
                                                                 std::unique_ptr<AdoptedFiles> adopted) {
    const bool may_wait = adopted == nullptr && waits_for_stores_;
    for (;;) {
        auto store = services_.cache_dir.open_torrent(
            {metainfo.identity, metainfo.layout, metainfo.hashes, metainfo.info_bytes}, services_.pool,
            services_.memory, std::move(adopted));
        const bool locked = !store && store.error() == Errc::storage_locked;
        if (!locked || !may_wait || Clock::now() > made_ + kEarlierMountEnds) return store;
        std::this_thread::sleep_for(kLookAgain);
    }
}

ServedTorrent& ServedTorrents::open(Roster::Index index, const Metainfo& metainfo,
                                    std::unique_ptr<AdoptedFiles> adopted) {
    if (adopted)
        log::info("{}: {} of {} pieces may lie in files of another client", metainfo.name,
                  adopted->pieces().there.count(), metainfo.layout.piece_count());
    auto store = open_store(metainfo, std::move(adopted));
    if (!store && store.error() == Errc::storage_locked)
        throw Failure(metainfo.name + ": " + store.error().message() +
                      "; unmount it there, or give another --cache-dir");
    if (!store) throw Failure(metainfo.name, store.error());
    ServedTorrent& served =
        served_.try_emplace(index, ServedTorrent{.index = index, .identity = metainfo.identity})
            .first->second;
    served.store = std::move(*store);
    served.info = metainfo.info_bytes;
    return served;
}

void ServedTorrents::show(Roster::Index index, const Metainfo& metainfo, ServedTorrent& served,
                          TorrentHandle handle) {
    served.demand = std::make_unique<EngineDemand>(*served.store, services_.engine, handle);
    const Sha1Digest info_hash = metainfo.identity.wire_hash();
    const Slot slot = filesystem_.add({info_hash, metainfo.files, *served.store, *served.demand,
                                       modification_time(metainfo, services_.cache_dir), in_use(index)});
    served.handle = handle;
    served.slot = slot;
    by_slot_.emplace(slot, index);
    know(index, metainfo);
    pins_.take_up(served);
    std::string folder = library_.link(index, slot);
    // The slot comes last: those who poll take a torrent that has one for ready to be imported.
    roster_.update(index, [&](RosterEntry& entry) {
        entry.library_folder = std::move(folder);
        entry.slot = slot;
        entry.shown_ms = AddedSources::now_ms();
    });
    library_.update_soon();
}

void ServedTorrents::take_metadata(Roster::Index index, TorrentHandle torrent, const Bytes& info) {
    const auto metainfo = parse_info(info);
    if (!metainfo) throw Failure("the torrent that the swarm described", metainfo.error());
    // First, so that a second try needs no peers if the store cannot be opened.
    if (Error error = services_.cache_dir.keep_info(metainfo->identity, info))
        log::warn("{}: its description cannot be kept: {}", metainfo->name, error.message());
    ServedTorrent& served = open(index, *metainfo, find_data(*metainfo));
    services_.engine.provide(torrent, known(*metainfo, *served.store));
    show(index, *metainfo, served, torrent);
}

std::optional<Roster::Index> ServedTorrents::find(const Identity& identity) const {
    for (const Sha1Digest& hash : identity.wire_hashes())
        if (const auto found = known_.find(hash); found != known_.end()) return found->second;
    return std::nullopt;
}

void ServedTorrents::bring_in_if_new(Roster::Index index, TorrentSource source) {
    if (const auto same = find(source.identity)) {
        log::info("{}: is mounted already, by another name", source.name);
        const RosterEntry entry = roster_.get(index);
        drop(index);
        return join(*same, entry);
    }
    if (is_still_open(source.identity))
        throw Failure(source.name + ": was removed, and files of it are still open");
    auto adopted = source.metainfo ? find_data(*source.metainfo) : nullptr;
    bring_in(index, std::move(source), std::move(adopted));
}

}  // namespace btfs::cli
