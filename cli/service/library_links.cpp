#include "cli/service/library_links.hpp"

#include <set>
#include <utility>
#include <vector>

#include "cli/text/labels.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {
namespace {

/// Torrents that come at once make one look at the library.
constexpr Duration kLibraryDelay = 200ms;

}  // namespace

std::string LibraryLinks::link(Roster::Index torrent, Slot slot) {
    if (!services_.library) return {};
    const Filesystem& filesystem = services_.filesystem;
    const auto files = [&] {
        std::vector<std::string> paths;
        for (const Filesystem::TorrentFile& file : filesystem.files(slot)) paths.push_back(file.path);
        return paths;
    };
    const std::string label = services_.roster.get(torrent).label;
    return services_.library->place(torrent, filesystem.name_of(slot), labels_of(label), files).string();
}

void LibraryLinks::place(Roster::Index torrent) {
    const RosterEntry entry = services_.roster.get(torrent);
    if (!services_.library || !entry.slot) return;
    const std::string folder = link(torrent, *entry.slot);
    if (folder == entry.library_folder) return;
    services_.roster.update(torrent, [&](RosterEntry& changed) { changed.library_folder = folder; });
}

void LibraryLinks::take_out(Roster::Index torrent) {
    if (services_.library) services_.library->take_out(torrent);
}

void LibraryLinks::update_soon() {
    if (!services_.library || std::exchange(update_waits_, true)) return;
    services_.worker.post(
        [this] {
            update_waits_ = false;
            update();
        },
        Clock::now() + kLibraryDelay);
}

/// Places all torrents by the names that they have now. Once all that was added earlier is here, links that
/// an earlier mount has left and that lead nowhere go.
void LibraryLinks::update() {
    bool all_here = !services_.more_are_to_come();
    for (const auto& [index, entry] : services_.roster.all()) {
        all_here = all_here && entry.settled();
        if (entry.slot && (!entry.label.empty() || !entry.library_folder.empty())) place(index);
    }
    if (!all_here || std::exchange(is_swept_, true)) return;
    std::set<std::string> mounted;
    for (auto& [slot, name] : services_.filesystem.names()) mounted.insert(name);
    services_.library->remove_stale(mounted);
}

}  // namespace btfs::cli
