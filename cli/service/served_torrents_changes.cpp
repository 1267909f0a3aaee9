// ServedTorrents: torrents that come and go while the mount stands.
#include <algorithm>
#include <utility>

#include "cli/process/failure.hpp"
#include "cli/service/served_torrents.hpp"
#include "cli/sources/torrent_url.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/trimmed.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

/// The URL that the content is; empty if it is something else.
std::string url_in(ByteView content) {
    const std::string_view text = trimmed(as_text(content));
    return looks_like_url(text) ? std::string(text) : std::string();
}

}  // namespace

AddReport ServedTorrents::add_source(AddedSources::Source source) {
    return on_worker([&] { return add_now(std::move(source)); });
}

std::string ServedTorrents::remove(const std::string& which) {
    return on_worker([&] { return remove_now(which); });
}

// ---- on the worker ----

/// Takes up what was added to earlier mounts at this mountpoint, one torrent a job: what is asked of the
/// worker meanwhile has its turn in between.
void ServedTorrents::take_added() {
    for (auto& [record, source] : services_.added->load()) {
        ++untaken_;
        worker_->post([this, record, source] {
            try {
                take(source, record);
            } catch (const Failure& failure) {
                log::warn("left out, though it was added earlier: {}", failure.what());
            }
            --untaken_;
        });
    }
    --untaken_;
}

AddReport ServedTorrents::add_now(AddedSources::Source source) {
    const std::string record = services_.added ? AddedSources::name_of(source.content) : std::string();
    AddReport report = take(source, record);
    if (report.was_there || !services_.added) return report;
    if (const Error error = services_.added->keep(source))
        report.warning = "later mounts will not have it: " + error.message();
    return report;
}

/// Adds a source that is kept as `record`. Throws Failure if it cannot be parsed or served.
AddReport ServedTorrents::take(const AddedSources::Source& source, const std::string& record) {
    RosterEntry entry{.label = source.label, .pinned_whole = source.pinned_whole, .record = record};
    if (const std::string url = url_in(source.content); !url.empty()) {
        entry.name = entry.url = shown_url(url);
        const auto all = roster_.all();
        const auto is_it = [&](const auto& each) { return !record.empty() && each.second.record == record; };
        if (std::ranges::any_of(all, is_it)) return {.name = entry.name, .was_there = true};
        const std::string name = entry.name;
        finder_.fetch(roster_.add(std::move(entry)), url);
        return {.name = name};
    }
    auto parsed = parse_source(source.content);
    if (!parsed) throw Failure("no torrent, magnet link or URL", parsed.error());
    entry.name = parsed->name;
    AddReport report{.name = parsed->name};
    if (parsed->identity.empty()) {
        finder_.look_up(roster_.add(std::move(entry)), *parsed);
        return report;
    }
    report.info_hash = parsed->identity.cache_key();
    report.was_there = find(parsed->identity).has_value();
    if (report.was_there) return report;
    const auto is_it = [&](const ServedTorrent& served) { return served.identity == parsed->identity; };
    if (std::ranges::any_of(removed_, is_it))
        throw Failure(one_line(parsed->name) +
                      ": was removed, and files of it are still open; close them first");
    const Roster::Index index = roster_.add(std::move(entry));
    try {
        auto adopted = parsed->metainfo ? find_data(*parsed->metainfo) : nullptr;
        bring_in(index, std::move(*parsed), std::move(adopted));
    } catch (...) {
        roster_.remove(index);
        throw;
    }
    return report;
}

std::string ServedTorrents::remove_now(const std::string& which) {
    const Roster::Index index = choose(which);
    RosterEntry entry = roster_.get(index);
    if (entry.slot) entry.name = filesystem_.name_of(*entry.slot);
    forget(entry);
    leave(index);
    log::info("removed {}", entry.name);
    return entry.name;
}

Roster::Index ServedTorrents::choose(const std::string& which) const {
    std::optional<Roster::Index> chosen;
    const auto names = filesystem_.names();
    for (const auto& [index, entry] : roster_.all()) {
        const std::string& name = entry.slot ? names.at(*entry.slot) : entry.name;
        if (which != entry.info_hash && which != name && which != entry.url) continue;
        if (chosen) throw Failure(one_line(which) + ": several torrents have that name; give an info-hash");
        chosen = index;
    }
    if (!chosen) throw Failure(one_line(which) + ": no torrent of that name or info-hash is in the mount");
    return *chosen;
}

/// Takes a torrent out of the mount and the engine.
void ServedTorrents::leave(Roster::Index index) {
    const RosterEntry entry = roster_.get(index);
    roster_.remove(index);
    std::erase_if(known_, [&](const auto& known) { return known.second == index; });
    const auto served = std::ranges::find(served_, index, &ServedTorrent::index);
    if (served != served_.end()) removed_.splice(removed_.end(), served_, served);
    if (entry.slot) filesystem_.remove(*entry.slot);
    if (!entry.handle) return;
    services_.engine.remove(*entry.handle, [this, index] {
        worker_->post([this, index] { let_go(index, &ServedTorrent::engine_uses); });
    });
}

/// Later mounts do not have the torrent, unless their command line has.
void ServedTorrents::forget(const RosterEntry& entry) {
    if (entry.record.empty() || !services_.added) return;
    if (const Error error = services_.added->forget(entry.record))
        log::warn("{}: the next mount will have it again: {}", entry.name, error.message());
}

/// Returns what the mount holds as long as it uses the torrent.
std::shared_ptr<const void> ServedTorrents::in_use(Roster::Index index) {
    return {nullptr, [this, index, worker = std::weak_ptr(worker_)](const void*) {
                const auto alive = worker.lock();
                if (alive) alive->post([this, index] { let_go(index, &ServedTorrent::files_use); });
            }};
}

/// One of the users of a removed torrent's store has let it go. The store's part in the cache ends with the
/// engine's use of it; the store itself goes with the last user.
void ServedTorrents::let_go(Roster::Index index, bool ServedTorrent::*user) {
    const auto served = std::ranges::find(removed_, index, &ServedTorrent::index);
    if (served == removed_.end()) return;
    (*served).*user = false;
    if (served->engine_uses) return;
    served->store->close_begin();
    if (!served->files_use) removed_.erase(served);
}

}  // namespace btfs::cli
