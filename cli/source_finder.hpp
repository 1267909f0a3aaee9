// Torrents that a source only points to: by a URL, or by who publishes them.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cache/cache_dir.hpp"
#include "cli/roster.hpp"
#include "cli/sources.hpp"
#include "cli/worker.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {

/// Fetches URLs, and asks the DHT for what publishers name. What it finds it keeps for the next mount; what
/// may be found later it asks for again. The roster says how that goes. Everything is called on the worker's
/// thread.
class SourceFinder {
  public:
    /// All outlives this.
    struct House {
        Engine& engine;
        CacheDir& cache_dir;
        Roster& roster;
        Worker& worker;
    };
    /// Given a source with an identity.
    using OnFound = std::function<void(Roster::Index, TorrentSource)>;

    SourceFinder(House house, OnFound on_found) : house_(house), on_found_(std::move(on_found)) {}

    void fetch(Roster::Index index, const std::string& url, unsigned failures = 0);
    /// Of a source that is published.
    void look_up(Roster::Index index, const TorrentSource& source, unsigned failures = 0);

  private:
    void take_download(Roster::Index index, const std::string& url, unsigned failures,
                       const Result<net::HttpResponse>& response);
    void take_published(Roster::Index index, TorrentSource source, unsigned failures,
                        const Result<Sha1Digest>& info_hash);
    std::optional<Sha1Digest> kept_name(const PublishedName& name) const;
    void say(Roster::Index index, std::string_view fetch);
    void try_again(Roster::Index index, const std::string& problem, unsigned failures, Worker::Job attempt);

    const House house_;
    const OnFound on_found_;
};

}  // namespace btfs::cli
