#include "cli/service/source_finder.hpp"

#include <chrono>

#include "cli/process/failure.hpp"
#include "cli/sources/torrent_url.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

/// Time to wait for a publisher's item in the DHT; shorter if an earlier mount has kept one.
constexpr Duration kPatience = 20s;
constexpr Duration kPatienceWithKept = 5s;

}  // namespace

void SourceFinder::fetch(Roster::Index index, const std::string& url, unsigned failures) {
    if (!is_wanted(index)) return;
    say(index, "waiting for other downloads");
    waiting_.push_back({index, url, failures});
    start_downloads();
}

void SourceFinder::start_downloads() {
    while (under_way_ < kMaxDownloads && !waiting_.empty()) {
        const Download next = std::move(waiting_.front());
        waiting_.pop_front();
        if (!is_wanted(next.index)) continue;
        ++under_way_;
        say(next.index, "under way");
        services_.engine.get(torrent_request(next.url), [this, next](Result<net::HttpResponse> response) {
            services_.worker.post([this, next, response = std::move(response)] {
                --under_way_;
                start_downloads();
                if (!is_wanted(next.index)) return;
                services_.roster.or_fail(
                    next.index, [&] { take_download(next.index, next.url, next.failures, response); });
            });
        });
    }
}

void SourceFinder::take_download(Roster::Index index, const std::string& url, unsigned failures,
                                 const Result<net::HttpResponse>& response) {
    UrlAnswer answer = judge(response);
    if (answer.again)
        return try_again(index, answer.problem, failures,
                         [this, index, url, failures] { fetch(index, url, failures + 1); });
    if (!answer.torrent) {
        say(index, "given up");
        throw Failure(shown_url(url) + ": " + answer.problem);
    }
    if (Error error = services_.cache_dir.keep_download(url, answer.content))
        log::warn("{}: what was fetched cannot be kept: {}", shown_url(url), error.message());
    if (answer.torrent->identity.empty()) return look_up(index, *answer.torrent);
    say(index, "done");
    on_found_(index, std::move(*answer.torrent));
}

void SourceFinder::look_up(Roster::Index index, const TorrentSource& source, unsigned failures) {
    if (!is_wanted(index)) return;
    say(index, "asking the DHT for it");
    const auto take = [this, index, source, failures](Result<Sha1Digest> found) {
        services_.worker.post([this, index, source, failures, found] {
            if (!is_wanted(index)) return;
            services_.roster.or_fail(index, [&] { take_published(index, source, failures, found); });
        });
    };
    const Duration patience = kept_name(*source.published) ? kPatienceWithKept : kPatience;
    services_.engine.find_published(*source.published, patience, take);
}

std::optional<Sha1Digest> SourceFinder::kept_name(const PublishedName& name) const {
    const auto kept = services_.cache_dir.kept_download(name.link());
    if (!kept || kept->size() != Sha1Digest::kSize) return std::nullopt;
    return Sha1Digest::from(*kept);
}

/// Takes the DHT's answer about a publisher, or the answer that an earlier mount has kept if the DHT has
/// none.
void SourceFinder::take_published(Roster::Index index, TorrentSource source, unsigned failures,
                                  const Result<Sha1Digest>& info_hash) {
    const std::string link = source.published->link();
    std::string_view fetch = "done";
    if (info_hash) {
        source.identity.v1 = *info_hash;
        if (Error error = services_.cache_dir.keep_download(link, info_hash->view()))
            log::warn("{}: what it names cannot be kept: {}", link, error.message());
    } else if (const auto kept = kept_name(*source.published)) {
        source.identity.v1 = *kept;
        fetch = "kept from an earlier mount";
    } else if (info_hash.error() == Errc::dht_off) {
        throw Failure(link, info_hash.error());
    } else {
        return try_again(index, info_hash.error().message(), failures,
                         [this, index, source, failures] { look_up(index, source, failures + 1); });
    }
    say(index, fetch);
    on_found_(index, std::move(source));
}

void SourceFinder::say(Roster::Index index, std::string_view fetch) {
    services_.roster.update(index, [&](RosterEntry& entry) { entry.fetch = fetch; });
}

void SourceFinder::try_again(Roster::Index index, const std::string& problem, unsigned failures,
                             Worker::Job attempt) {
    const Duration delay = retry_delay(failures + 1);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(delay).count();
    const std::string text = problem + "; again in " + std::to_string(seconds) + " s";
    std::string name;
    services_.roster.update(index, [&](RosterEntry& entry) {
        entry.fetch = text;
        name = entry.name;
    });
    log::warn("{}: {}", name, text);
    services_.worker.post(std::move(attempt), Clock::now() + delay);
}

}  // namespace btfs::cli
