// Torrents that are named by a URL: what is asked of the server, and what its answer means.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/sources.hpp"
#include "engine/core/time.hpp"
#include "engine/net/http_client.hpp"

namespace btfs::cli {

/// True for http and https.
bool looks_like_url(std::string_view text);
/// The URL without its query, which may hold a password: for logs and the status.
std::string shown_url(std::string_view url);

/// 30 s for all of it, 10 s without a byte, kMaxTorrentFileSize.
net::HttpRequest torrent_request(std::string url);

/// What came of one attempt.
struct UrlAnswer {
    std::optional<TorrentSource> torrent;
    Bytes content;        ///< what it was parsed from: a torrent file or a magnet link
    std::string problem;  ///< why there is none
    bool again = false;   ///< it may help to ask once more, later
};

/// A server may send a torrent file or redirect to a magnet link. Failures of the network, and answers that
/// say "later" (408, 425, 429, 5xx), are worth another attempt; everything else will stay as it is.
UrlAnswer judge(const Result<net::HttpResponse>& response);

/// From the end of an attempt to the next: 2 s after the first failure, doubling up to 10 min.
Duration retry_delay(unsigned failures);

}  // namespace btfs::cli
