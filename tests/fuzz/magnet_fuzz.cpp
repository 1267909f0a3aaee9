// Magnet links: one that parses names a torrent, and its lists are bounded.
#include <cstdlib>

#include "engine/metainfo/magnet.hpp"
#include "engine/metainfo/metainfo.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto magnet = btfs::parse_magnet({reinterpret_cast<const char*>(data), size});
    if (!magnet) return 0;
    const bool published = magnet->published.has_value();
    if (magnet->identity.empty() && !published) std::abort();
    if (published && btfs::parse_magnet(magnet->published->link())->published != magnet->published)
        std::abort();
    if (magnet->trackers.size() > btfs::kMaxTrackers || magnet->peers.size() > btfs::kMaxMagnetPeers ||
        magnet->selected_files.size() > btfs::kMaxMagnetRanges)
        std::abort();
    for (const btfs::FileRange& range : magnet->selected_files)
        if (range.first > range.last) std::abort();
    return 0;
}
