// Fetches a torrent by URL: the HTTP request, and the meaning of the response.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/sources/sources.hpp"
#include "engine/core/time.hpp"
#include "engine/net/http_message.hpp"

namespace btfs::cli {

/// True for http and https.
bool looks_like_url(std::string_view text);
/// True for "file://".
bool looks_like_file_url(std::string_view text);
/// The URL without its query, user name and password, for logs and the status.
std::string shown_url(std::string_view url);

/// Limits the download to 30 s, to 10 s without a byte, and to kMaxTorrentFileSize.
net::HttpRequest torrent_request(std::string url);

/// The outcome of one attempt.
struct UrlAnswer {
    std::optional<TorrentSource> torrent;
    Bytes content;        ///< the torrent file or magnet link that it was parsed from
    std::string problem;  ///< why there is none
    bool again = false;   ///< another attempt may succeed
};

/// A server may send a torrent file or redirect to a magnet link. Failures of the network, and answers that
/// say "later" (408, 425, 429, 5xx), are worth another attempt; everything else will stay as it is.
UrlAnswer judge(const Result<net::HttpResponse>& response);

/// Returns the pause before the next attempt: 2 s after the first failure, doubling up to 10 min.
Duration retry_delay(unsigned failures);

}  // namespace btfs::cli
