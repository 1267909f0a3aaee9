// ServedTorrents: what a user changes of one torrent, and what is told of its content.
#include <algorithm>
#include <exception>
#include <iterator>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "cli/process/failure.hpp"
#include "cli/service/served_torrents.hpp"
#include "cli/text/labels.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

/// Torrents that come at once make one look at the library.
constexpr Duration kLibraryDelay = 200ms;

/// A job of so many takes some milliseconds.
constexpr std::size_t kTorrentsOfAJob = 50;

/// All files of a torrent, however many it has.
constexpr FileRange kAllFiles{0, std::numeric_limits<std::uint32_t>::max()};

/// Returns the files of a layout that are no padding, by their places in it.
std::vector<std::uint32_t> listed_files(const Layout& layout) {
    std::vector<std::uint32_t> listed;
    for (std::uint32_t i = 0; i < layout.files().size(); ++i)
        if (!layout.files()[i].pad) listed.push_back(i);
    return listed;
}

bool has(const Pins& pins, std::uint32_t file) {
    const auto after = std::ranges::upper_bound(pins, file, {}, &FileRange::first);
    return after != pins.begin() && file <= std::prev(after)->last;
}

/// Returns the files that are meant, by the numbers that they are given by.
Pins numbers_of(const TorrentChange::Files& files) {
    Pins numbers;
    if (files.all) return {kAllFiles};
    for (const std::uint32_t number : files.some) numbers.push_back({number, number});
    return with_pins({}, numbers);
}

/// Returns the ranges of the files that are meant. Throws Failure if there is no such file.
Pins ranges_of(const TorrentChange::Files& files, const std::vector<std::uint32_t>& listed) {
    Pins ranges;
    if (files.all) {
        for (const std::uint32_t file : listed) ranges.push_back({file, file});
        return ranges;
    }
    for (const std::uint32_t number : files.some) {
        if (number >= listed.size())
            throw Failure("the torrent has no file of number " + std::to_string(number));
        ranges.push_back({listed[number], listed[number]});
    }
    std::ranges::sort(ranges, {}, &FileRange::first);
    const auto same = std::ranges::unique(ranges, {}, &FileRange::first);
    ranges.erase(same.begin(), same.end());
    return ranges;
}

/// Returns the bytes of a range in pieces that are had.
std::uint64_t bytes_in_pieces(const Layout& layout, const Bitfield& pieces, ByteRange range) {
    if (range.empty()) return 0;
    std::uint64_t had = 0;
    const PieceIndex last = layout.piece_at(range.end - 1);
    for (PieceIndex piece = layout.piece_at(range.begin); piece.value() <= last.value();
         piece = piece.next()) {
        if (!pieces.test(piece)) continue;
        const ByteRange whole = layout.piece_range(piece);
        had += std::min(range.end, whole.end) - std::max(range.begin, whole.begin);
    }
    return had;
}

std::uint64_t left_of(const ServedTorrent& served, const Bitfield& pieces) {
    const Layout& layout = served.store->layout();
    std::uint64_t left = 0;
    for (const FileRange& pinned : served.pins)
        for (std::size_t i = pinned.first; i <= pinned.last && i < layout.files().size(); ++i) {
            const FileExtent& file = layout.files()[i];
            if (!file.pad) left += file.size - bytes_in_pieces(layout, pieces, file.range());
        }
    return left;
}

AddedSources::Settings settings_of(const RosterEntry& entry) {
    return {.label = entry.label, .limits = entry.limits, .paused = entry.paused, .trackers = entry.trackers};
}

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

/// Returns the paths of the files that are listed. They are those of the mount, where `shown` tells them
/// apart: files without content have no place of their own.
std::vector<std::string> paths_of(const ServedTorrent& served, std::string_view name,
                                  std::vector<Filesystem::TorrentFile> shown,
                                  const std::vector<std::uint32_t>& listed) {
    const std::span<const FileExtent> files = served.store->layout().files();
    const auto is_same = [&](const Filesystem::TorrentFile& file, std::uint32_t i) {
        return file.size > 0 && file.size == files[i].size &&
               file.offset_in_torrent == files[i].offset_in_torrent;
    };
    std::vector<std::string> paths;
    if (std::ranges::equal(shown, listed, is_same)) {
        for (Filesystem::TorrentFile& file : shown) paths.push_back(std::move(file.path));
        return paths;
    }
    const auto metainfo = parse_info(*served.info);
    for (const std::uint32_t i : listed) {
        const std::string path = metainfo ? metainfo->files[i].path : std::string();
        paths.push_back(std::string(name) + path.substr(std::min(path.find('/'), path.size())));
    }
    return paths;
}

ContentReport content_of(const ServedTorrent& served, const Filesystem& filesystem) {
    const Layout& layout = served.store->layout();
    ContentReport report{.files = {}, .pieces = served.store->available(), .pinned_left = 0};
    report.pinned_left = left_of(served, report.pieces);
    const std::vector<std::uint32_t> listed = listed_files(layout);
    std::vector<std::string> paths =
        paths_of(served, filesystem.name_of(served.slot), filesystem.files(served.slot), listed);
    for (const std::uint32_t i : listed) {
        const FileExtent& extent = layout.files()[i];
        const ByteRange range = extent.range();
        ContentReport::File& file = report.files.emplace_back();
        file.path = std::move(paths[report.files.size() - 1]);
        file.size = extent.size;
        file.had = bytes_in_pieces(layout, report.pieces, range);
        file.first_piece = static_cast<std::uint32_t>(range.begin / layout.piece_length());
        file.end_piece = range.empty() ? file.first_piece : layout.piece_at(range.end - 1).value() + 1;
        file.pinned = has(served.pins, i);
    }
    return report;
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
        if (const ServedTorrent* served = find_served(index))
            left.emplace(index, left_of(*served, served->store->available()));
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
    if (!change.pin.empty() || !change.unpin.empty()) change_pins(index, change);
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
    if (change.label) place_in_library(index);
}

/// Keeps a change, but for its pins, for later mounts. Throws Failure if the disk does not take it.
void ServedTorrents::keep_now(Roster::Index index, const TorrentChange& change) {
    const RosterEntry entry = roster_.get(index);
    if (entry.record.empty() && entry.info_hash.empty()) {
        TorrentChange& early = early_changes_[index];
        if (change.label) early.label = change.label;
        if (change.limits) early.limits = change.limits;
        if (change.paused) early.paused = change.paused;
        if (change.trackers) early.trackers = change.trackers;
    }
    if (const Error error = keep_change(entry, change))
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

/// Keeps a change for later mounts. That of a torrent of the command line whose info-hash is not known yet is
/// kept once it is.
Error ServedTorrents::keep_change(const RosterEntry& entry, const TorrentChange& change) {
    if (!services_.added) return {};
    if (entry.record.empty() && entry.info_hash.empty()) return {};
    if (entry.record.empty()) return services_.added->keep_settings(entry.info_hash, settings_of(entry));
    const Error error = services_.added->change(entry.record, [&](AddedSources::Source& source) {
        if (change.label) source.label = *change.label;
        if (change.limits) source.limits = *change.limits;
        if (change.paused) source.paused = *change.paused;
        if (change.trackers) source.trackers = *change.trackers;
    });
    return error ? error : keep_beside_record(entry);
}

/// Keeps the settings of a torrent that has a record beside it, too, if the command line names the torrent,
/// or did in an earlier mount: such a mount has the torrent in its engine before it reads records.
Error ServedTorrents::keep_beside_record(const RosterEntry& entry) {
    if (!services_.added || entry.info_hash.empty()) return {};
    const AddedSources::Settings now = settings_of(entry);
    const auto kept = services_.added->read_settings(entry.info_hash);
    if (kept && *kept == now) return {};
    const bool none = !kept && kept.error() == std::errc::no_such_file_or_directory;
    if (none && !entry.of_command_line) return {};
    return services_.added->keep_settings(entry.info_hash, now);
}

/// Takes up what the user has set of a torrent of the command line in an earlier mount, but for what was
/// changed in this one before the torrent's info-hash was known; that is kept now.
void ServedTorrents::take_settings(Roster::Index index) {
    const auto found = early_changes_.extract(index);
    const TorrentChange early = found ? found.mapped() : TorrentChange{};
    const RosterEntry entry = roster_.get(index);
    if (!services_.added || !entry.record.empty()) return;
    AddedSources::Settings kept;
    Error error;
    if (auto read = services_.added->read_settings(entry.info_hash)) {
        kept = std::move(*read);
    } else if (read.error() != std::errc::no_such_file_or_directory) {
        error = read.error();
    }
    roster_.update(index, [&](RosterEntry& changed) {
        if (!early.label && changed.label.empty()) changed.label = kept.label;
        if (!early.limits && changed.limits == TorrentLimits{}) changed.limits = kept.limits;
        if (!early.paused && !changed.paused) changed.paused = kept.paused;
        if (!early.trackers && !changed.trackers) changed.trackers = kept.trackers;
    });
    const AddedSources::Settings now = settings_of(roster_.get(index));
    if (now != kept)
        if (const Error failed = services_.added->keep_settings(entry.info_hash, now)) error = failed;
    if (error) log::warn("{}: what was set of it in an earlier mount: {}", entry.name, error.message());
}

void ServedTorrents::change_pins(Roster::Index index, const TorrentChange& change) {
    ServedTorrent* const served = find_served(index);
    if (!served) return note_pins(index, change);
    const std::vector<std::uint32_t> listed = listed_files(served->store->layout());
    const Pins left = without_pins(served->pins, ranges_of(change.unpin, listed));
    set_pins(*served, with_pins(left, ranges_of(change.pin, listed)));
}

/// Notes which files are to be pinned once they are known.
void ServedTorrents::note_pins(Roster::Index index, const TorrentChange& change) {
    const RosterEntry before = roster_.get(index);
    Pins files = before.pinned_whole ? Pins{kAllFiles} : before.pinned_files;
    files = with_pins(without_pins(files, numbers_of(change.unpin)), numbers_of(change.pin));
    if (files.size() > AddedSources::kMostPinnedRanges)
        throw Failure("the torrent's files are not known yet, and these are too many to be noted");
    const bool whole = files == Pins{kAllFiles};
    if (whole) files.clear();
    roster_.update(index, [&](RosterEntry& entry) {
        entry.pinned_whole = whole;
        entry.pinned_files = files;
    });
    if (before.record.empty() || !services_.added) return;
    if (const Error error = services_.added->set_pinned(before.record, whole, files))
        throw Failure("that cannot be noted for later mounts", error);
}

/// Pins the files that were noted before they were known. From then on these pins are the ones that are kept.
void ServedTorrents::pin_noted(ServedTorrent& served) {
    const RosterEntry entry = roster_.get(served.index);
    if (entry.pinned_whole) return pin_whole(served.index);
    if (entry.pinned_files.empty()) return;
    const std::vector<std::uint32_t> listed = listed_files(served.store->layout());
    Pins files;
    for (const FileRange& range : entry.pinned_files)
        for (std::size_t i = range.first; i <= range.last && i < listed.size(); ++i)
            files.push_back({listed[i], listed[i]});
    roster_.update(served.index, [](RosterEntry& changed) { changed.pinned_files.clear(); });
    try {
        set_pins(served, with_pins(served.pins, files));
        if (entry.record.empty() || !services_.added) return;
        if (const Error error = services_.added->set_pinned(entry.record, false, {}))
            throw Failure("that cannot be noted for later mounts", error);
    } catch (const Failure& failure) {
        log::warn("{}: some of its files are to be pinned: {}", entry.name, failure.what());
    }
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

/// Links a torrent under its labels. Returns the folder of the first link; empty if there is none.
std::string ServedTorrents::library_folder(Roster::Index index, Slot slot) {
    if (!services_.library) return {};
    const auto files = [&] {
        std::vector<std::string> paths;
        for (const Filesystem::TorrentFile& file : filesystem_.files(slot)) paths.push_back(file.path);
        return paths;
    };
    const std::string label = roster_.get(index).label;
    return services_.library->place(index, filesystem_.name_of(slot), labels_of(label), files).string();
}

void ServedTorrents::place_in_library(Roster::Index index) {
    const RosterEntry entry = roster_.get(index);
    if (!services_.library || !entry.slot) return;
    const std::string folder = library_folder(index, *entry.slot);
    if (folder == entry.library_folder) return;
    roster_.update(index, [&](RosterEntry& changed) { changed.library_folder = folder; });
}

/// A torrent that comes or goes may change the names of others.
void ServedTorrents::update_library_soon() {
    if (!services_.library || std::exchange(library_update_waits_, true)) return;
    worker_->post(
        [this] {
            library_update_waits_ = false;
            update_library();
        },
        Clock::now() + kLibraryDelay);
}

/// Places all torrents by the names that they have now. Once all that was added earlier is here, links that
/// an earlier mount has left and that lead nowhere go.
void ServedTorrents::update_library() {
    bool all_here = !takes_up_added_;
    for (const auto& [index, entry] : roster_.all()) {
        all_here = all_here && entry.settled();
        if (entry.slot && (!entry.label.empty() || !entry.library_folder.empty())) place_in_library(index);
    }
    if (!all_here || std::exchange(library_is_swept_, true)) return;
    std::set<std::string> mounted;
    for (auto& [slot, name] : filesystem_.names()) mounted.insert(name);
    services_.library->remove_stale(mounted);
}

}  // namespace btfs::cli
