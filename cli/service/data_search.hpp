// DataSearch: looks for the data of many torrents while they are opened one after the other.
#pragma once

#include <cstddef>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "cache/adopted/data_folders.hpp"
#include "cli/sources/sources.hpp"

namespace btfs::cli {

/// Goes through the torrents in their order, on a thread of its own: a look at each file takes time, and a
/// thousand torrents shall be mounted as fast as without.
class DataSearch {
  public:
    /// Both outlive this. A torrent is read until take() has returned for it.
    DataSearch(const DataFolders& folders, const std::vector<TorrentSource>& torrents);
    /// Waits until all were looked for.
    ~DataSearch();
    DataSearch(const DataSearch&) = delete;
    DataSearch& operator=(const DataSearch&) = delete;

    /// Returns what DataFolders::find() says of the torrent; null also if its files are not known. Called
    /// once for each; waits for it.
    std::unique_ptr<AdoptedFiles> take(std::size_t torrent) { return found_[torrent].get(); }

  private:
    std::vector<std::future<std::unique_ptr<AdoptedFiles>>> found_;
    std::thread thread_;
};

}  // namespace btfs::cli
