// Body of a tracker's HTTP reply, and URL of a tracker in a torrent.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "engine/tracker/http_announce.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    const ByteView input = std::as_bytes(std::span(data, size));
    if (const auto reply = tracker::parse_http_announce(input)) {
        if (reply->peers.size() > tracker::kMaxPeersPerReply) std::abort();
        if (!reply->refused() && reply->interval < tracker::kShortestInterval) std::abort();
    }
    tracker::AnnounceRequest request;
    if (const auto url = tracker::http_announce_url(as_text(input), request)) {
        if (url->find("info_hash=") == std::string::npos) std::abort();
    }
    return 0;
}
