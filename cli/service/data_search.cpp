#include "cli/service/data_search.hpp"

#include <utility>

#include "engine/core/signals_blocked.hpp"

namespace btfs::cli {

DataSearch::DataSearch(const DataFolders& folders, const std::vector<TorrentSource>& torrents) {
    std::vector<std::packaged_task<std::unique_ptr<AdoptedFiles>()>> searches;
    for (const TorrentSource& torrent : torrents) {
        searches.emplace_back([&folders, &torrent]() -> std::unique_ptr<AdoptedFiles> {
            if (!torrent.metainfo) return nullptr;
            return folders.find(torrent.metainfo->name, torrent.metainfo->files, torrent.metainfo->layout);
        });
        found_.push_back(searches.back().get_future());
    }
    const SignalsBlocked no_signals;
    thread_ = std::thread([searches = std::move(searches)]() mutable {
        for (auto& search : searches) search();
    });
}

DataSearch::~DataSearch() {
    thread_.join();
}

}  // namespace btfs::cli
