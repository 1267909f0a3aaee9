// Announcing over HTTP: the request's URL and the reply's body (BEP 3, 7, 21, 23, 24, 31).
#pragma once

#include <string>
#include <string_view>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/tracker/announce.hpp"

namespace btfs::tracker {

/// A reply's body may be this large.
inline constexpr std::size_t kMaxHttpReplySize = 1 << 20;

/// The URL to GET: `tracker_url`, escaped, credentials and query included, and the request behind it.
/// tracker_bad_url if it is not one of HTTP.
Result<std::string> http_announce_url(std::string_view tracker_url, const AnnounceRequest& request);

/// Parses the body of a reply with any HTTP status: trackers refuse with 200 as well as with 4xx. A refusal
/// is a reply with a failure_reason. Ignores a peer, count or time that is malformed, and uses all others.
/// Returns tracker_bad_reply if the body is not an answer to an announce.
Result<AnnounceReply> parse_http_announce(ByteView body);

}  // namespace btfs::tracker
