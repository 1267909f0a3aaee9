#include "engine/tracker/http_announce.hpp"

#include <algorithm>
#include <utility>

#include "engine/core/hex.hpp"
#include "engine/http/http_url.hpp"
#include "engine/metainfo/bencode.hpp"
#include "engine/tracker/tracker_url.hpp"

namespace btfs::tracker {
namespace {

constexpr bencode::Limits kReplyLimits{.max_size = kMaxHttpReplySize, .max_depth = 8, .max_tokens = 1 << 16};
constexpr std::size_t kCompactV4 = 6, kCompactV6 = 18;  // bytes for each peer
constexpr char kHexDigits[] = "0123456789ABCDEF";

/// Escapes all but RFC 3986's unreserved characters.
std::string escaped(ByteView bytes) {
    std::string out;
    for (const std::byte b : bytes) {
        const auto c = std::to_integer<unsigned char>(b);
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~') {
            out += static_cast<char>(c);
        } else {
            out += percent_encoded(b);
        }
    }
    return out;
}

std::string eight_hex_digits(std::uint32_t value) {
    std::string out(8, '0');
    for (std::size_t i = 8; i-- > 0; value >>= 4) out[i] = kHexDigits[value & 15];
    return out;
}

std::string_view event_name(AnnounceEvent event) {
    switch (event) {
        case AnnounceEvent::none:
            return "";
        case AnnounceEvent::started:
            return "started";
        case AnnounceEvent::stopped:
            return "stopped";
        case AnnounceEvent::completed:
            return "completed";
        case AnnounceEvent::paused:
            return "paused";
    }
    return "";
}

void add_peer(AnnounceReply& reply, std::optional<Endpoint> peer) {
    if (peer && peer->is_dialable() && reply.peers.size() < kMaxPeersPerReply) reply.peers.push_back(*peer);
}

/// Adds the peers of a compact string, `size` bytes each (BEP 23, BEP 7). Ignores an incomplete last one.
void add_compact(AnnounceReply& reply, std::string_view peers, std::size_t size) {
    for (ByteView rest = as_bytes(peers); rest.size() >= size && reply.peers.size() < kMaxPeersPerReply;
         rest = rest.subspan(size))
        add_peer(reply, Endpoint::from_compact(rest.first(size)));
}

/// Adds the peers of BEP 3's list of dictionaries. Ignores items without an address and a port. Host names
/// are not supported: no tracker sends them.
void add_dictionaries(AnnounceReply& reply, bencode::Value peers) {
    for (const bencode::Value peer : peers.list()) {
        const auto ip = peer.find("ip", bencode::Kind::string);
        const auto port = peer.find_number<std::uint16_t>("port");
        if (!ip || !port) continue;
        if (const auto address = Address::parse(ip->string())) add_peer(reply, Endpoint{*address, *port});
    }
}

std::optional<std::uint32_t> count(bencode::Value root, std::string_view key) {
    return root.find_number<std::uint32_t>(key);
}

AnnounceReply refusal(bencode::Value root, std::string_view reason) {
    AnnounceReply reply;
    reply.failure_reason = reason.empty() ? "no reason given" : usable_text(reason);
    if (const auto minutes = root.find_clamped("retry in"))
        reply.retry_in = usable_interval(std::clamp<std::int64_t>(*minutes, 0, 24 * 60) * 60);
    if (const auto word = root.get_string("retry in"); word && *word == "never")
        reply.retry_in = Duration::max();
    return reply;
}

}  // namespace

Result<std::string> http_announce_url(std::string_view tracker_url, const AnnounceRequest& request) {
    const auto parsed = TrackerUrl::parse(tracker_url);
    if (!parsed) return parsed.error();
    if (parsed->scheme == TrackerScheme::udp) return Errc::tracker_bad_url;

    std::string url = http::escaped_url(tracker_url);
    url.resize(std::min(url.find('#'), url.size()));
    const std::size_t query = url.find('?');
    if (query == std::string::npos) {
        if (parsed->target.empty()) url += '/';
        url += '?';
    } else if (!url.ends_with('?') && !url.ends_with('&')) {
        url += '&';
    }
    url += "info_hash=" + escaped(request.info_hash.view());
    url += "&peer_id=" + escaped(request.peer_id);
    url += "&port=" + std::to_string(request.port);
    url += "&uploaded=" + std::to_string(request.uploaded);
    url += "&downloaded=" + std::to_string(request.downloaded);
    url += "&left=" + std::to_string(request.left);
    url += "&key=" + eight_hex_digits(request.key);
    url += "&numwant=" + std::to_string(request.numwant);
    url += "&compact=1&no_peer_id=1";
    if (request.event != AnnounceEvent::none) url.append("&event=").append(event_name(request.event));
    if (!request.tracker_id.empty()) url += "&trackerid=" + escaped(as_bytes(request.tracker_id));
    return url;
}

Result<AnnounceReply> parse_http_announce(ByteView body) {
    // Ignores bytes behind the dictionary: some trackers end their reply with a newline.
    const auto document = bencode::decode_prefix(body, kReplyLimits);
    if (!document || !document->root().is_dictionary()) return Errc::tracker_bad_reply;
    const bencode::Value root = document->root();
    if (const auto reason = root.get_string("failure reason")) return refusal(root, *reason);

    AnnounceReply reply;
    const auto interval = root.find_clamped("interval");
    const auto peers = root.find("peers"), peers6 = root.find("peers6");
    if (!interval && !peers && !peers6) return Errc::tracker_bad_reply;
    reply.interval = interval ? usable_interval(*interval) : kDefaultInterval;
    if (const auto least = root.find_clamped("min interval")) reply.min_interval = usable_interval(*least);
    reply.complete = count(root, "complete");
    reply.incomplete = count(root, "incomplete");
    for (const auto& [list, size] : {std::pair{peers, kCompactV4}, std::pair{peers6, kCompactV6}}) {
        if (list && list->is_string()) add_compact(reply, list->string(), size);
        if (list && list->is_list()) add_dictionaries(reply, *list);
    }

    if (const auto warning = root.get_string("warning message")) reply.warning = usable_text(*warning);
    // Ignores an id that is too long to send back.
    if (const auto id = root.get_string("tracker id"); id && id->size() <= kMaxReasonSize)
        reply.tracker_id = *id;
    if (const auto ip = root.get_string("external ip"))
        reply.external_ip = Address::from_bytes(as_bytes(*ip));
    return reply;
}

}  // namespace btfs::tracker
