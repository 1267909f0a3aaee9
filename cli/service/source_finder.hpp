// Finder of torrents that a source only points to: by a URL, or by the key of their publisher (BEP 46).
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "cache/cache_dir.hpp"
#include "cli/process/worker.hpp"
#include "cli/service/roster.hpp"
#include "cli/sources/sources.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {

/// Fetches URLs, and asks the DHT which torrent a publisher names. Keeps what it finds in the cache for the
/// next mount, tries again after failures that may pass, and writes its progress into the roster. What has
/// left the roster is not looked for any more. All functions are called on the worker's thread.
class SourceFinder {
  public:
    /// Each outlives this.
    struct Services {
        Engine& engine;
        CacheDir& cache_dir;
        Roster& roster;
        Worker& worker;
    };
    /// Takes a source that has an identity.
    using OnFound = std::function<void(Roster::Index, TorrentSource)>;

    SourceFinder(Services services, OnFound on_found) : services_(services), on_found_(std::move(on_found)) {}

    /// Downloads that are under way at once; others wait, in the order of the sources. Each may take
    /// kMaxTorrentFileSize of memory.
    static constexpr std::size_t kMaxDownloads = 8;

    /// Downloads the torrent file of a URL.
    void fetch(Roster::Index index, const std::string& url, unsigned failures = 0);
    /// Asks the DHT for the torrent of a source that has a publisher.
    void look_up(Roster::Index index, const TorrentSource& source, unsigned failures = 0);

  private:
    struct Download {
        Roster::Index index;
        std::string url;
        unsigned failures;  ///< of earlier attempts
    };

    bool is_wanted(Roster::Index index) const { return services_.roster.has(index); }
    void start_downloads();
    void take_download(Roster::Index index, const std::string& url, unsigned failures,
                       const Result<net::HttpResponse>& response);
    void take_published(Roster::Index index, TorrentSource source, unsigned failures,
                        const Result<Sha1Digest>& info_hash);
    std::optional<Sha1Digest> kept_name(const PublishedName& name) const;
    void say(Roster::Index index, std::string_view fetch);
    void try_again(Roster::Index index, const std::string& problem, unsigned failures, Worker::Job attempt);

    const Services services_;
    const OnFound on_found_;
    std::deque<Download> waiting_;
    std::size_t under_way_ = 0;
};

}  // namespace btfs::cli
