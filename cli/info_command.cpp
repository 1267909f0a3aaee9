#include <algorithm>
#include <boost/json.hpp>
#include <future>
#include <iostream>
#include <iterator>

#include "cli/commands.hpp"
#include "cli/link_text.hpp"
#include "cli/metainfo_text.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/sources/sources.hpp"
#include "cli/sources/torrent_url.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {
namespace {

/// Downloads the torrent with an engine that has neither a port nor torrents.
TorrentSource download(const std::string& url) {
    std::promise<Result<net::HttpResponse>> response;
    Engine engine({});
    engine.start();
    engine.get(torrent_request(url),
               [&](Result<net::HttpResponse> got) { response.set_value(std::move(got)); });
    UrlAnswer answer = judge(response.get_future().get());
    engine.stop();
    if (!answer.torrent) throw Failure(shown_url(url) + ": " + answer.problem);
    return std::move(*answer.torrent);
}

TorrentSource load(const std::string& word) {
    Sources sources = load_sources(settle_words({word}));
    for (const std::string& url : sources.urls) sources.add(download(url));
    std::ranges::move(sources.published, std::back_inserter(sources.torrents));
    if (sources.torrents.size() != 1) throw Failure(word + ": holds several torrents; name one of them");
    return std::move(sources.torrents.front());
}

template <class Torrent>
void print(const Torrent& torrent, bool json) {
    if (json) {
        std::cout << boost::json::serialize(as_json(torrent)) << '\n';
    } else {
        std::cout << as_text(torrent);
    }
    std::cout.flush();
}

}  // namespace

int info(const InfoOptions& options) {
    const TorrentSource source = load(options.source);
    if (source.metainfo) {
        print(*source.metainfo, options.json);
    } else {
        print(source, options.json);
    }
    return std::cout ? kSuccess : kFailure;
}

}  // namespace btfs::cli
