// ServedTorrents: what a user changes of one torrent, and what is told of its content.
#include <algorithm>
#include <exception>
#include <span>
#include <string>

#include "cli/process/failure.hpp"
#include "cli/service/served_torrents.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

/// A job of so many takes some milliseconds.
constexpr std::size_t kTorrentsOfAJob = 50;

/// Calls f(index) for all torrents, some of them in each job of the worker: what else is asked of it has its
/// turn in between.
template <class F>
void for_each_by_jobs(Worker& worker, std::span<const Roster::Index> torrents, F f) {
    while (!torrents.empty()) {
        const auto some = torrents.first(std::min(torrents.size(), kTorrentsOfAJob));
        torrents = torrents.subspan(some.size());
        worker.call([&] {
            for (const Roster::Index index : some) f(index);
            return true;
        });
    }
}

}  // namespace

RemoveReport ServedTorrents::remove(Roster::Index torrent, RemovedContent content) {
    return worker_->call([=, this] { return remove_now(torrent, content); });
}

void ServedTorrents::change(Roster::Index torrent, const TorrentChange& change) {
    worker_->call([&] {
        change_now(torrent, change);
        return true;
    });
}

std::size_t ServedTorrents::set_paused(const std::string& which, bool paused) {
    return worker_->call([&]() -> std::size_t {
        const Roster::Index index = choose(which);
        if (roster_.get(index).paused == paused) return 0;
        change_now(index, {.paused = paused});
        return 1;
    });
}

std::size_t ServedTorrents::set_all_paused(bool paused) {
    const std::vector<Roster::Index> changed = worker_->call([&] {
        std::vector<Roster::Index> indices;
        for (const auto& [index, entry] : roster_.all()) {
            if (entry.paused == paused) continue;
            apply_now(index, {.paused = paused});
            indices.push_back(index);
        }
        return indices;
    });
    // The disk takes them one a job: what is asked of the worker meanwhile has its turn in between.
    std::exception_ptr first;
    for (const Roster::Index index : changed) {
        try {
            worker_->call([&] {
                if (const auto entry = roster_.get_if(index)) keep_now(index, {.paused = entry->paused});
                return true;
            });
        } catch (const Failure&) {
            if (!first) first = std::current_exception();
        }
    }
    if (first) std::rethrow_exception(first);
    return changed.size();
}

std::map<Roster::Index, ContentReport> ServedTorrents::contents(const std::vector<Roster::Index>& torrents) {
    std::map<Roster::Index, ContentReport> reports;
    for_each_by_jobs(*worker_, torrents, [&](Roster::Index index) {
        if (const ServedTorrent* served = find_served(index))
            reports.emplace(index, content_of(*served, filesystem_));
    });
    return reports;
}

std::map<Roster::Index, std::uint64_t> ServedTorrents::pinned_left(
    const std::vector<Roster::Index>& torrents) {
    std::map<Roster::Index, std::uint64_t> left;
    for_each_by_jobs(*worker_, torrents, [&](Roster::Index index) {
        if (const ServedTorrent* served = find_served(index)) left.emplace(index, pinned_left_of(*served));
    });
    return left;
}

void ServedTorrents::recheck(Roster::Index torrent) {
    worker_->call([&] {
        require(torrent);
        const ServedTorrent* const served = find_served(torrent);
        if (!served) throw Failure("the torrent's files are not known yet");
        log::info("{}: what the cache has of it is verified anew", roster_.get(torrent).name);
        served->store->recheck();
        roster_.update(torrent,
                       [&](RosterEntry& entry) { entry.recheck = served->store->recheck_progress(); });
        return true;
    });
}

std::string ServedTorrents::name_of(Roster::Index torrent) const {
    const auto entry = roster_.get_if(torrent);
    if (!entry) return {};
    const std::string name = entry->slot ? filesystem_.name_of(*entry->slot) : std::string();
    return name.empty() ? entry->name : name;
}

void ServedTorrents::want_peers(Roster::Index torrent) {
    const auto entry = roster_.get_if(torrent);
    if (entry && entry->handle) services_.engine.want_peers(*entry->handle);
}

CacheSpace ServedTorrents::cache_space() const {
    if (const CacheBound* const bound = services_.cache_dir.bound())
        return {bound->room_for_pins(), bound->limit()};
    Files& files = *services_.cache_dir.files();
    const auto free = files.bytes_free(), total = files.bytes_in_all();
    return {free ? *free : 0, total ? *total : 0};
}

// ---- on the worker ----

/// Throws Failure if the torrent has left the mount since somebody named it by its index.
void ServedTorrents::require(Roster::Index index) const {
    if (!roster_.has(index)) throw Failure("the torrent is not in the mount any more");
}

ServedTorrent* ServedTorrents::find_served(Roster::Index index) {
    const auto found = served_.find(index);
    return found == served_.end() || !roster_.is_shown(index) ? nullptr : &found->second;
}

void ServedTorrents::change_now(Roster::Index index, const TorrentChange& change) {
    require(index);
    if (!change.pin.empty() || !change.unpin.empty()) pins_.change(index, find_served(index), change);
    if (!change.label && !change.limits && !change.paused && !change.trackers) return;
    apply_now(index, change);
    keep_now(index, change);
}

/// Carries out a change, but for its pins.
void ServedTorrents::apply_now(Roster::Index index, const TorrentChange& change) {
    roster_.update(index, [&](RosterEntry& entry) {
        if (change.label) entry.label = *change.label;
        if (change.limits) entry.limits = *change.limits;
        if (change.paused) entry.paused = *change.paused;
        if (change.trackers) entry.trackers = *change.trackers;
    });
    if (change.trackers) apply_trackers(index);
    const RosterEntry entry = roster_.get(index);
    // A torrent that goes on has not been idle so far.
    if (change.limits || (change.paused && !entry.paused)) apply_limits(entry);
    if (change.paused && entry.handle) services_.engine.set_paused(*entry.handle, entry.paused);
    if (change.label) library_.place(index);
}

/// Keeps a change, but for its pins, for later mounts. Throws Failure if the disk does not take it.
void ServedTorrents::keep_now(Roster::Index index, const TorrentChange& change) {
    if (const Error error = kept_settings_.keep(index, change))
        throw Failure("the change holds until the end of the mount; it cannot be kept", error);
}

/// Has the trackers that the user wants asked and shown.
void ServedTorrents::apply_trackers(Roster::Index index) {
    const RosterEntry entry = roster_.get(index);
    if (!entry.trackers || !entry.facts) return;
    TorrentFacts facts = *entry.facts;
    facts.trackers = *entry.trackers;
    roster_.update(index, [made = std::make_shared<const TorrentFacts>(std::move(facts))](
                              RosterEntry& changed) { changed.facts = made; });
    if (entry.handle) services_.engine.set_trackers(*entry.handle, *entry.trackers);
}

void ServedTorrents::apply_limits(const RosterEntry& entry) {
    if (!entry.handle) return;
    services_.engine.set_limits(*entry.handle, entry.limits.for_engine());
    services_.engine.set_seed_goals(*entry.handle, entry.limits.seed_goals(), entry.limits.seed_idle());
}

/// Notes what a source says of its torrent.
void ServedTorrents::know(Roster::Index index, const TorrentSource& source) {
    TorrentFacts facts{
        .trackers = source.trackers, .web_seeds = source.web_seeds, .comment = {}, .creator = {}};
    if (source.metainfo) {
        facts.web_seeds.insert(facts.web_seeds.end(), source.metainfo->web_seeds.begin(),
                               source.metainfo->web_seeds.end());
        facts.take(*source.metainfo);
    }
    roster_.update(index, [made = std::make_shared<const TorrentFacts>(std::move(facts))](
                              RosterEntry& entry) { entry.facts = made; });
}

/// Notes what the description says of a torrent.
void ServedTorrents::know(Roster::Index index, const Metainfo& metainfo) {
    const auto known = roster_.get(index).facts;
    if (known && known->piece_count > 0) return;
    TorrentFacts facts = known ? *known : TorrentFacts{};
    facts.take(metainfo);
    roster_.update(index, [made = std::make_shared<const TorrentFacts>(std::move(facts))](
                              RosterEntry& entry) { entry.facts = made; });
}

}  // namespace btfs::cli
