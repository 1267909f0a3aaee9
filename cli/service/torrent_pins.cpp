#include "cli/service/torrent_pins.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/process/failure.hpp"
#include "cli/service/content_report.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

/// All files of a torrent, however many it has.
constexpr FileRange kAllFiles{0, std::numeric_limits<std::uint32_t>::max()};

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

/// Returns the places of these files in the torrent, in order, neighbours as one.
std::vector<ByteRange> places_of(const Layout& layout, const Pins& pins) {
    std::vector<ByteRange> places;
    for (const FileRange& range : pins)
        for (std::size_t i = range.first; i <= range.last && i < layout.files().size(); ++i) {
            const ByteRange place = layout.files()[i].range();
            if (!places.empty() && places.back().end == place.begin) {
                places.back().end = place.end;
            } else {
                places.push_back(place);
            }
        }
    return places;
}

}  // namespace

std::uint64_t size_of(const Layout& layout, const Pins& pins) {
    std::uint64_t bytes = 0;
    for (const FileRange& range : pins)
        for (std::size_t i = range.first; i <= range.last && i < layout.files().size(); ++i)
            bytes += layout.files()[i].pad ? 0 : layout.files()[i].size;
    return bytes;
}

void TorrentPins::take_up(ServedTorrent& served) {
    served.pins = services_.cache_dir.kept_pins(served.identity);
    publish(served);
    if (!served.pins.empty())
        services_.engine.set_pinned(served.handle, pinned_pieces(served.store->layout(), served.pins));
    pin_noted(served);
}

void TorrentPins::set(ServedTorrent& served, Pins pins) {
    if (pins == served.pins) return;
    if (const Error error = services_.cache_dir.keep_pins(served.identity, pins))
        throw Failure("the pins cannot be kept", error);
    served.pins = std::move(pins);
    publish(served);
    const Bitfield pieces = pinned_pieces(served.store->layout(), served.pins);
    served.store->set_pinned(pieces);
    services_.engine.set_pinned(served.handle, pieces);
}

void TorrentPins::change(Roster::Index torrent, ServedTorrent* served, const TorrentChange& change) {
    if (!served) return note(torrent, change);
    const std::vector<std::uint32_t> listed = listed_files(served->store->layout());
    const Pins left = without_pins(served->pins, ranges_of(change.unpin, listed));
    set(*served, with_pins(left, ranges_of(change.pin, listed)));
}

/// Notes which files are to be pinned once they are known.
void TorrentPins::note(Roster::Index torrent, const TorrentChange& change) {
    const RosterEntry before = services_.roster.get(torrent);
    Pins files = before.pinned_whole ? Pins{kAllFiles} : before.pinned_files;
    files = with_pins(without_pins(files, numbers_of(change.unpin)), numbers_of(change.pin));
    if (files.size() > AddedSources::kMostPinnedRanges)
        throw Failure("the torrent's files are not known yet, and these are too many to be noted");
    const bool whole = files == Pins{kAllFiles};
    if (whole) files.clear();
    services_.roster.update(torrent, [&](RosterEntry& entry) {
        entry.pinned_whole = whole;
        entry.pinned_files = files;
    });
    if (before.record.empty() || !services_.added) return;
    if (const Error error = services_.added->set_pinned(before.record, whole, files))
        throw Failure("that cannot be noted for later mounts", error);
}

void TorrentPins::pin_whole(Roster::Index torrent, ServedTorrent* served) {
    services_.roster.update(torrent, [&](RosterEntry& entry) {
        entry.pinned_whole = served == nullptr;
        entry.pinned_files.clear();
    });
    const RosterEntry entry = services_.roster.get(torrent);
    try {
        if (served) {
            const auto files = static_cast<std::uint32_t>(served->store->layout().files().size());
            set(*served, with_pins(served->pins, std::array{FileRange{0, files - 1}}));
        }
        if (entry.record.empty() || !services_.added) return;
        if (const Error error = services_.added->set_pinned(entry.record, entry.pinned_whole, {}))
            throw Failure("that cannot be noted for later mounts", error);
    } catch (const Failure& failure) {
        log::warn("{}: is to be pinned: {}", entry.name, failure.what());
    }
}

void TorrentPins::join(Roster::Index torrent, ServedTorrent* served, const RosterEntry& other) {
    if (other.pinned_whole) return pin_whole(torrent, served);
    if (other.pinned_files.empty() || services_.roster.get(torrent).pinned_whole) return;
    services_.roster.update(torrent, [&](RosterEntry& entry) {
        entry.pinned_files = with_pins(entry.pinned_files, other.pinned_files);
    });
    if (served) return pin_noted(*served);
    const RosterEntry now = services_.roster.get(torrent);
    if (now.record.empty() || !services_.added) return;
    if (const Error error = services_.added->set_pinned(now.record, false, now.pinned_files))
        log::warn("{}: some of its files are to be pinned: {}", now.name, error.message());
}

/// Pins the files that were noted before they were known. From then on these pins are the ones that are kept.
void TorrentPins::pin_noted(ServedTorrent& served) {
    const RosterEntry entry = services_.roster.get(served.index);
    if (entry.pinned_whole) return pin_whole(served.index, &served);
    if (entry.pinned_files.empty()) return;
    const std::vector<std::uint32_t> listed = listed_files(served.store->layout());
    Pins files;
    for (const FileRange& range : entry.pinned_files)
        for (std::size_t i = range.first; i <= range.last && i < listed.size(); ++i)
            files.push_back({listed[i], listed[i]});
    services_.roster.update(served.index, [](RosterEntry& changed) { changed.pinned_files.clear(); });
    try {
        set(served, with_pins(served.pins, files));
        if (entry.record.empty() || !services_.added) return;
        if (const Error error = services_.added->set_pinned(entry.record, false, {}))
            throw Failure("that cannot be noted for later mounts", error);
    } catch (const Failure& failure) {
        log::warn("{}: some of its files are to be pinned: {}", entry.name, failure.what());
    }
}

/// Lets others know which files are pinned.
void TorrentPins::publish(const ServedTorrent& served) {
    std::shared_ptr<const std::vector<ByteRange>> pinned;
    if (!served.pins.empty())
        pinned =
            std::make_shared<const std::vector<ByteRange>>(places_of(served.store->layout(), served.pins));
    const Layout& layout = served.store->layout();
    const std::uint64_t bytes = size_of(layout, served.pins);
    const auto files = static_cast<std::uint32_t>(layout.files().size());
    const bool all = !served.pins.empty() && bytes == size_of(layout, {FileRange{0, files - 1}});
    services_.roster.update(served.index, [&](RosterEntry& entry) {
        entry.pinned = std::move(pinned);
        entry.bytes_pinned = bytes;
        entry.all_pinned = all;
    });
}

}  // namespace btfs::cli
