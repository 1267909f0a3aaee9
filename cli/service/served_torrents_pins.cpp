// ServedTorrents: files that are fetched without a reader.
#include <algorithm>
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
                pins_.set(served, with_pins(served.pins, files));
                break;
            case Fetching::unpinned:
                pins_.set(served, without_pins(served.pins, files));
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

}  // namespace btfs::cli
