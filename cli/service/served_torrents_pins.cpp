// ServedTorrents: files that are fetched without a reader.
#include <algorithm>
#include <array>
#include <sstream>

#include "cli/process/failure.hpp"
#include "cli/service/served_torrents.hpp"
#include "cli/text/one_line.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

/// Returns the node of a path below the mountpoint. Throws Failure if there is none.
Attributes find_node(const Filesystem& filesystem, const std::string& path) {
    Attributes found = filesystem.attributes(kRootNode).value();
    std::istringstream parts(path);
    for (std::string part; std::getline(parts, part, '/');) {
        if (part.empty()) continue;
        const auto next = filesystem.lookup(found.node, part);
        if (!next) throw Failure(one_line(path) + ": is not in the mount");
        found = *next;
    }
    return found;
}

/// Returns the nodes of torrents that are to be looked at: the node itself or, of the root, all torrents.
std::vector<NodeId> of_torrents(const Filesystem& filesystem, const Attributes& node) {
    if (node.node != kRootNode) return {node.node};
    std::vector<NodeId> nodes;
    const Listing listing = filesystem.list(kRootNode).value();
    for (std::size_t i = 2; i < listing.size(); ++i) nodes.push_back(listing.at(i).attributes.node);
    return nodes;
}

std::uint64_t size_of(const Layout& layout, const Pins& pins) {
    std::uint64_t bytes = 0;
    for (const FileRange& range : pins)
        for (std::size_t i = range.first; i <= range.last && i < layout.files().size(); ++i)
            bytes += layout.files()[i].pad ? 0 : layout.files()[i].size;
    return bytes;
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

FetchReport ServedTorrents::fetch(const std::string& path, Fetching fetching) {
    return worker_->call([&] { return fetch_now(path, fetching); });
}

/// On the worker.
FetchReport ServedTorrents::fetch_now(const std::string& path, Fetching fetching) {
    FetchReport report;
    for (const NodeId node : of_torrents(filesystem_, find_node(filesystem_, path))) {
        const auto extents = filesystem_.extents(node);
        if (!extents) throw Failure(one_line(path) + ": is no part of a torrent");
        ServedTorrent& served = served_.at(by_slot_.at(extents->torrent));
        const Layout& layout = served.store->layout();
        Pins files;
        for (const ByteRange& range : extents->files) {
            const std::uint32_t file = layout.file_at(range.begin).value();
            files.push_back({file, file});
            report.bytes += range.size();
        }
        report.files += files.size();
        switch (fetching) {
            case Fetching::pinned:
                set_pins(served, with_pins(served.pins, files));
                break;
            case Fetching::unpinned:
                set_pins(served, without_pins(served.pins, files));
                break;
            case Fetching::once:
                services_.engine.prefetch(served.handle, pinned_pieces(layout, files));
                break;
        }
    }
    for (const auto& [index, served] : served_) report.pinned += size_of(served.store->layout(), served.pins);
    if (const CacheBound* bound = services_.cache_dir.bound()) report.room = bound->room_for_pins();
    return report;
}

void ServedTorrents::set_pins(ServedTorrent& served, Pins pins) {
    if (pins == served.pins) return;
    if (const Error error = services_.cache_dir.keep_pins(served.identity, pins))
        throw Failure("the pins cannot be kept", error);
    served.pins = std::move(pins);
    publish_pins(served);
    const Bitfield pieces = pinned_pieces(served.store->layout(), served.pins);
    served.store->set_pinned(pieces);
    services_.engine.set_pinned(served.handle, pieces);
}

/// Lets others know which files are pinned.
void ServedTorrents::publish_pins(const ServedTorrent& served) {
    std::shared_ptr<const std::vector<ByteRange>> pinned;
    if (!served.pins.empty())
        pinned =
            std::make_shared<const std::vector<ByteRange>>(places_of(served.store->layout(), served.pins));
    const Layout& layout = served.store->layout();
    const std::uint64_t bytes = size_of(layout, served.pins);
    const auto files = static_cast<std::uint32_t>(layout.files().size());
    const bool all = !served.pins.empty() && bytes == size_of(layout, {FileRange{0, files - 1}});
    roster_.update(served.index, [&](RosterEntry& entry) {
        entry.pinned = std::move(pinned);
        entry.bytes_pinned = bytes;
        entry.all_pinned = all;
    });
}

/// Takes the pins that earlier mounts have kept, which the store knows of already, and pins the files that
/// were noted before they were known.
void ServedTorrents::take_pins(ServedTorrent& served) {
    served.pins = services_.cache_dir.kept_pins(served.identity);
    publish_pins(served);
    if (!served.pins.empty())
        services_.engine.set_pinned(served.handle, pinned_pieces(served.store->layout(), served.pins));
    pin_noted(served);
}

/// Pins all files of a torrent, now or once they are known. From then on these pins are the ones that are
/// kept.
void ServedTorrents::pin_whole(Roster::Index index) {
    const auto found = served_.find(index);
    const bool is_known = found != served_.end();
    roster_.update(index, [&](RosterEntry& entry) {
        entry.pinned_whole = !is_known;
        entry.pinned_files.clear();
    });
    const RosterEntry entry = roster_.get(index);
    try {
        if (is_known) {
            ServedTorrent& served = found->second;
            const auto files = static_cast<std::uint32_t>(served.store->layout().files().size());
            set_pins(served, with_pins(served.pins, std::array{FileRange{0, files - 1}}));
        }
        if (entry.record.empty() || !services_.added) return;
        if (const Error error = services_.added->set_pinned(entry.record, entry.pinned_whole, {}))
            throw Failure("that cannot be noted for later mounts", error);
    } catch (const Failure& failure) {
        log::warn("{}: is to be pinned: {}", entry.name, failure.what());
    }
}

}  // namespace btfs::cli
