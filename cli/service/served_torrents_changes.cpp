// ServedTorrents: torrents that come and go while the mount stands.
#include <algorithm>
#include <exception>
#include <utility>

#include "cli/process/failure.hpp"
#include "cli/service/served_torrents.hpp"
#include "cli/sources/torrent_url.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/trimmed.hpp"
#include "engine/log/log.hpp"
#include "fs/errno_map.hpp"

namespace btfs::cli {
namespace {

/// Time for torrents that were added earlier, however long those of the command line took.
constexpr Duration kListedAtLeast = 50ms;

/// The URL that the content is; empty if it is something else.
std::string url_in(ByteView content) {
    const std::string_view text = trimmed(as_text(content));
    return looks_like_url(text) ? std::string(text) : std::string();
}

/// Takes the settings of the other entry of the torrent where nothing else is set.
void fill_settings(RosterEntry& entry, const RosterEntry& other) {
    if (entry.label.empty()) entry.label = other.label;
    if (entry.limits == TorrentLimits{}) entry.limits = other.limits;
    entry.paused = entry.paused || other.paused;
    if (!entry.trackers) entry.trackers = other.trackers;
}

bool same_settings(const RosterEntry& a, const RosterEntry& b) {
    return a.label == b.label && a.limits == b.limits && a.paused == b.paused && a.trackers == b.trackers;
}

}  // namespace

AddReport ServedTorrents::add_source(AddedSources::Source source) {
    return worker_->call([this, source = std::move(source)] { return add_now(source); });
}

RemoveReport ServedTorrents::remove(const std::string& which, RemovedContent content) {
    return worker_->call([&] { return remove_now(choose(which), content); });
}

/// For programs that write to .btfs: what they wait for is done by the worker.
ShellCommands::Torrents ServedTorrents::shell_torrents() {
    return {.post = [this](ShellCommands::Job job) { worker_->post(std::move(job)); },
            .add =
                [this](Bytes content) {
                    const AddReport report =
                        add_now({.content = std::move(content), .added_ms = AddedSources::now_ms()});
                    if (!report.was_there) log::info("added {}", one_line(report.name));
                    if (!report.warning.empty()) log::warn("{}: {}", one_line(report.name), report.warning);
                },
            .remove =
                [this](const std::string& info_hash) {
                    const auto torrent = roster_.find(info_hash);
                    if (!torrent) throw Failure("has gone", fs_error::not_found());
                    remove_now(*torrent, RemovedContent::kept);
                }};
}

/// Takes up what was added to earlier mounts before the mount is listed for the first time. Returns what is
/// left for the worker, which tells of what fails again.
std::deque<std::string> ServedTorrents::take_first_added(std::deque<std::string> names) {
    const TimePoint limit = std::max(made_ + kListedAtOnce, Clock::now() + kListedAtLeast);
    std::deque<std::string> failed;
    waits_for_stores_ = false;
    for (; !names.empty() && Clock::now() < limit; names.pop_front()) {
        try {
            take_kept(names.front());
        } catch (const std::exception&) {
            failed.push_back(names.front());
        }
    }
    waits_for_stores_ = true;
    names.insert(names.end(), failed.begin(), failed.end());
    return names;
}

// ---- on the worker ----

/// Takes up what was added to earlier mounts at this mountpoint, one torrent a job: what is asked of the
/// worker meanwhile has its turn in between.
void ServedTorrents::take_next_added(std::deque<std::string> names) {
    takes_up_added_ = !names.empty();
    if (names.empty()) return library_.update_soon();  // also if nothing of it could be shown
    worker_->post([this, left = std::move(names)]() mutable {
        try {
            take_kept(left.front());
        } catch (const std::exception& failure) {
            log::warn("{}", failure.what());
        }
        left.pop_front();
        take_next_added(std::move(left));
    });
}

void ServedTorrents::take_kept(const std::string& record) {
    const auto source = services_.added->read(record);
    if (!source)
        throw Failure(
            "left out: " + services_.added->path_of(record).string() + " is damaged or cannot be read",
            source.error());
    take(*source, record, true);
}

AddReport ServedTorrents::add_now(const AddedSources::Source& source) {
    AddReport report = services_.added ? add_and_keep(source) : take(source, {}, false);
    report.kept = !roster_.get(report.index).record.empty();
    if (!report.kept && report.warning.empty()) report.warning = "later mounts will not have it";
    return report;
}

/// The source is kept before it is taken, so that whatever becomes of it finds its record. One that an
/// earlier mount has kept is taken as it is there, whether its turn in take_next_added() has come or not.
AddReport ServedTorrents::add_and_keep(const AddedSources::Source& source) {
    const std::string record = AddedSources::name_of(source.content);
    auto kept = services_.added->read(record);
    const bool was_kept = kept.has_value();
    bool changes = !was_kept;
    if (was_kept && kept->label.empty() && !source.label.empty()) {
        kept->label = source.label;
        changes = true;
    }
    if (was_kept && source.pinned_whole && !kept->pinned_whole) {
        kept->pinned_whole = true;
        kept->pinned_files.clear();
        changes = true;
    }
    const AddedSources::Source& taken = was_kept ? *kept : source;
    const Error error = changes ? services_.added->keep(taken) : Error{};
    try {
        const bool has_record = was_kept || !error;
        AddReport report = take(taken, has_record ? record : std::string(), was_kept);
        if (error)
            report.warning =
                (was_kept ? "its label and pins cannot be kept: " : "later mounts will not have it: ") +
                error.message();
        return report;
    } catch (...) {
        if (!was_kept) {
            (void)services_.added->forget(record);
            if (const auto failed = records_.extract(record))
                roster_.update(failed.mapped(), [](RosterEntry& entry) { entry.record.clear(); });
        }
        throw;
    }
}

/// Adds a source that is kept as `record`; `was_kept`: by an earlier mount. Throws Failure if it cannot be
/// parsed or served.
AddReport ServedTorrents::take(const AddedSources::Source& source, const std::string& record, bool was_kept) {
    if (const auto same = records_.find(record); same != records_.end()) {
        const Roster::Index index = same->second;
        const RosterEntry there = roster_.get(index);
        if (!there.has_failed()) {
            if (source.pinned_whole) pins_.pin_whole(index, find_served(index));
            label_if_none(index, source.label);
            return {.name = there.name, .info_hash = there.info_hash, .was_there = true, .index = index};
        }
    }
    RosterEntry entry{.label = source.label,
                      .pinned_whole = source.pinned_whole,
                      .pinned_files = source.pinned_files,
                      .record = record,
                      .of_earlier_mount = was_kept,
                      .limits = source.limits,
                      .paused = source.paused,
                      .trackers = source.trackers,
                      .added_ms = source.added_ms};
    const std::string url = url_in(source.content);
    auto parsed = parse_source(source.content);
    if (!url.empty()) {
        entry.name = entry.url = shown_url(url);
        entry.source_url = AddedSources::name_of(as_bytes(url));
        const auto kept = services_.cache_dir.kept_download(url);
        if (kept) parsed = parse_source(*kept);
    } else if (!parsed) {
        throw Failure("no torrent, magnet link or URL", parsed.error());
    } else {
        entry.name = parsed->name;
    }
    if (const auto same = records_.find(record); same != records_.end()) retry_of(same->second, entry);
    const std::string name = entry.name;
    if (!parsed) {
        const Roster::Index index = enter(std::move(entry));
        finder_.fetch(index, url);
        return {.name = name, .index = index};
    }
    if (!url.empty()) entry.fetch = "kept from an earlier mount";
    if (parsed->identity.empty()) {
        const Roster::Index index = enter(std::move(entry));
        finder_.look_up(index, *parsed);
        return {.name = name, .index = index};
    }
    return take_torrent(std::move(entry), std::move(*parsed));
}

/// Throws Failure if the torrent cannot be served; one that was there before, in this mount or an earlier
/// one, stays in reports() as failed then.
AddReport ServedTorrents::take_torrent(RosterEntry entry, TorrentSource source) {
    bool stays = entry.of_earlier_mount;
    AddReport report{.name = source.name, .info_hash = source.identity.cache_key()};
    entry.info_hash = report.info_hash;
    if (const auto earlier = failed_.extract(report.info_hash); !earlier.empty()) {
        retry_of(earlier.mapped(), entry);
        stays = true;
    }
    if (const auto same = find(source.identity)) {
        report.was_there = true;
        report.index = *same;
        join(*same, entry);
        return report;
    }
    const Roster::Index index = report.index = enter(std::move(entry));
    try {
        if (is_still_open(source.identity))
            throw Failure(one_line(source.name) +
                          ": was removed, and files of it are still open; close them first");
        auto adopted = source.metainfo ? find_data(*source.metainfo) : nullptr;
        bring_in(index, std::move(source), std::move(adopted));
    } catch (const std::exception& failure) {
        if (!stays) {
            leave(index);
        } else {
            give_up(index, failure.what());
        }
        throw;
    }
    return report;
}

/// A torrent that has failed is tried again as `entry`, with what the user has set of it.
void ServedTorrents::retry_of(Roster::Index failed, RosterEntry& entry) {
    const RosterEntry earlier = roster_.get(failed);
    fill_settings(entry, earlier);
    entry.pinned_whole = entry.pinned_whole || earlier.pinned_whole;
    entry.pinned_files = entry.pinned_whole ? Pins{} : with_pins(entry.pinned_files, earlier.pinned_files);
    entry.of_command_line = entry.of_command_line || earlier.of_command_line;
    drop(failed);
}

/// Adds a source to the roster.
Roster::Index ServedTorrents::enter(RosterEntry entry) {
    const std::string record = entry.record;
    const Roster::Index index = roster_.add(std::move(entry));
    if (!record.empty()) records_.emplace(record, index);
    return index;
}

/// Takes a source out of the roster.
void ServedTorrents::drop(Roster::Index index) {
    const RosterEntry entry = roster_.get(index);
    if (const auto found = records_.find(entry.record); found != records_.end() && found->second == index)
        records_.erase(found);
    if (const auto found = failed_.find(entry.info_hash); found != failed_.end() && found->second == index)
        failed_.erase(found);
    kept_settings_.forget(index);
    roster_.remove(index);
}

/// The torrent was added by another source, too, whose entry this is.
void ServedTorrents::join(Roster::Index index, const RosterEntry& other) {
    note_record(index, other);
    pins_.join(index, find_served(index), other);
    if (!other.of_command_line || roster_.get(index).of_command_line) return;
    roster_.update(index, [](RosterEntry& entry) { entry.of_command_line = true; });
    const RosterEntry now = roster_.get(index);
    if (const Error error = kept_settings_.keep_beside_record(now))
        log::warn("{}: its settings cannot be kept: {}", now.name, error.message());
}

/// The other source's record goes when the torrent does, or now if the torrent has one. What the user has set
/// there in an earlier mount holds where nothing else was set; that a torrent is added once more changes its
/// label alone, if it has none.
void ServedTorrents::note_record(Roster::Index index, const RosterEntry& other) {
    if (other.record.empty()) return;
    const RosterEntry there = roster_.get(index);
    if (there.record == other.record) return;
    const bool has_record = !there.record.empty();
    if (!has_record) records_[other.record] = index;
    roster_.update(index, [&](RosterEntry& entry) {
        if (!has_record) entry.record = other.record;
        if (other.of_earlier_mount) return fill_settings(entry, other);
        if (entry.label.empty()) entry.label = other.label;
    });
    const RosterEntry now = roster_.get(index);
    if (now.limits != there.limits) apply_limits(now);
    if (there.handle && now.paused != there.paused) services_.engine.set_paused(*there.handle, now.paused);
    if (now.trackers != there.trackers) apply_trackers(index);
    Error error;
    if (!same_settings(now, has_record ? there : other))
        error = services_.added->change(now.record, [&](AddedSources::Source& source) {
            source.label = now.label;
            source.limits = now.limits;
            source.paused = now.paused;
            source.trackers = now.trackers;
        });
    if (!error) error = kept_settings_.keep_beside_record(now);
    if (error) log::warn("{}: its settings cannot be kept: {}", now.name, error.message());
    if (has_record && !error) error = services_.added->forget(other.record);
    if (has_record && error) log::debug("{}: stays kept by two names: {}", now.name, error.message());
    library_.place(index);
}

/// A torrent that is added once more gets the label if it has none.
void ServedTorrents::label_if_none(Roster::Index index, const std::string& label) {
    if (label.empty() || !roster_.get(index).label.empty()) return;
    try {
        change_now(index, {.label = label});
    } catch (const Failure& failure) {
        log::warn("{}: {}", roster_.get(index).name, failure.what());
    }
}

bool ServedTorrents::is_still_open(const Identity& identity) const {
    const auto is_it = [&](const auto& removed) {
        return std::ranges::any_of(identity.wire_hashes(), [&](const Sha1Digest& hash) {
            return removed.second.identity.answers_to(hash);
        });
    };
    return std::ranges::any_of(removed_, is_it);
}

RemoveReport ServedTorrents::remove_now(Roster::Index index, RemovedContent content) {
    require(index);
    RosterEntry entry = roster_.get(index);
    if (entry.slot) entry.name = filesystem_.name_of(*entry.slot);
    RemoveReport report{.name = entry.name};
    if (const auto found = served_.find(index); found != served_.end()) {
        ServedTorrent& served = found->second;
        if (!served.pins.empty()) pins_.set(served, {});  // this may fail: the torrent stays then
        served.drop_data = content == RemovedContent::dropped;
        if (served.drop_data) dropped_content_.note(served.identity);
    }
    if (const Error error = forget(entry)) {
        report.warning = "the next mount will have it again: " + error.message();
        log::warn("{}: {}", entry.name, report.warning);
    }
    leave(index);
    log::info("removed {}", entry.name);
    return report;
}

Roster::Index ServedTorrents::choose(const std::string& which) const {
    // A URL with a query or a password is that of one source; without them it may be that of several.
    const bool is_url = looks_like_url(which);
    const bool is_whole_url = is_url && shown_url(which) != which;
    const std::string source_url = is_whole_url ? AddedSources::name_of(as_bytes(which)) : std::string();
    std::vector<Roster::Index> chosen;
    const auto names = filesystem_.names();
    for (const auto& [index, entry] : roster_.all()) {
        // The names are of a moment before the roster's: a torrent may have come since.
        const auto shown = entry.slot ? names.find(*entry.slot) : names.end();
        const std::string& name = shown != names.end() ? shown->second : entry.name;
        if (which == Roster::id_text(index)) return index;
        const bool is_it = is_whole_url ? entry.source_url == source_url
                                        : which == entry.info_hash || which == name || which == entry.url;
        if (is_it && !which.empty()) chosen.push_back(index);
    }
    const std::string said = one_line(is_url ? shown_url(which) : which);
    if (chosen.empty()) throw Failure(said + ": no torrent of that name or info-hash is in the mount");
    if (chosen.size() > 1)
        throw Failure(said + ": several torrents have that name; give an info-hash, or " +
                      Roster::id_text(chosen[0]) + ", " + Roster::id_text(chosen[1]) +
                      (chosen.size() > 2 ? " and so on" : ""));
    return chosen.front();
}

void ServedTorrents::leave(Roster::Index index) {
    const RosterEntry entry = roster_.get(index);
    drop(index);
    withdraw(index, entry);
}

/// Takes a torrent out of the mount and the engine, which have it as `entry` says.
void ServedTorrents::withdraw(Roster::Index index, const RosterEntry& entry) {
    std::erase_if(known_, [&](const auto& known) { return known.second == index; });
    if (auto served = served_.extract(index)) {
        if (entry.slot) by_slot_.erase(*entry.slot);
        removed_.insert(std::move(served));
    }
    if (entry.slot) filesystem_.remove(*entry.slot);
    library_.take_out(index);
    library_.update_soon();
    if (!entry.handle) return;
    services_.engine.remove(*entry.handle, [this, index] {
        worker_->post([this, index] { let_go(index, &ServedTorrent::engine_uses); });
    });
}

/// A torrent that cannot be served leaves the engine, stays in reports() as failed, and may be added again.
void ServedTorrents::give_up(Roster::Index index, const std::string& problem) {
    const RosterEntry entry = roster_.get(index);
    roster_.update(index, [&](RosterEntry& failed) {
        failed.problem = problem;
        failed.handle = std::nullopt;
        failed.slot = std::nullopt;
    });
    withdraw(index, entry);
    if (!entry.info_hash.empty()) failed_.emplace(entry.info_hash, index);
}

/// Later mounts do not have the torrent, unless their command line has; then without its settings.
Error ServedTorrents::forget(const RosterEntry& entry) {
    if (!services_.added) return {};
    if (!entry.record.empty())
        if (const Error error = services_.added->forget(entry.record)) return error;
    return entry.info_hash.empty() ? Error{} : services_.added->keep_settings(entry.info_hash, {});
}

/// Returns what the mount holds as long as it uses the torrent.
std::shared_ptr<const void> ServedTorrents::in_use(Roster::Index index) {
    return {nullptr, [this, index, worker = std::weak_ptr(worker_)](const void*) {
                const auto alive = worker.lock();
                if (alive) alive->post([this, index] { let_go(index, &ServedTorrent::files_use); });
            }};
}

/// One of the users of a removed torrent's store has let it go. The store ends with the last one: files that
/// are open read on what it has.
void ServedTorrents::let_go(Roster::Index index, bool ServedTorrent::*user) {
    const auto found = removed_.find(index);
    if (found == removed_.end()) return;
    ServedTorrent& served = found->second;
    served.*user = false;
    if (served.engine_uses || served.files_use) return;
    const std::optional<Identity> dropped = served.drop_data ? std::optional(served.identity) : std::nullopt;
    removed_.erase(found);
    if (dropped) dropped_content_.drop(*dropped);
}

}  // namespace btfs::cli
