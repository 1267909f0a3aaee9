#include "cli/service/status_json.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <string>
#include <string_view>

#include "cli/service/details_text.hpp"
#include "cli/service/reader_process.hpp"
#include "cli/service/state_hash.hpp"
#include "engine/metainfo/utf8.hpp"
#include "engine/tracker/public_url.hpp"

namespace btfs::cli {
namespace {

boost::json::value text_or_null(const std::string& text) {
    if (text.empty()) return nullptr;
    return boost::json::value(to_valid_utf8(text));
}

std::uint64_t whole(double rate) {
    return static_cast<std::uint64_t>(std::llround(rate));
}

}  // namespace

boost::json::object torrent_json(const TorrentReport& report) {
    const RosterEntry& entry = report.entry;
    const TorrentStatus status = report.status.value_or(TorrentStatus{});
    boost::json::object torrent{{"name", to_valid_utf8(entry.name)},
                                {"info_hash", text_or_null(entry.info_hash)},
                                {"id", Roster::id_of(report.index)},
                                {"state", state_text(report)},
                                {"paused", entry.paused},
                                {"verifying", nullptr},
                                {"size", nullptr},
                                {"had", 0},
                                {"peers", status.peers},
                                {"seeds", status.seeds},
                                {"down", whole(status.rates.down)},
                                {"up", whole(status.rates.up)},
                                {"label", text_or_null(entry.label)},
                                {"url", text_or_null(entry.url)},
                                {"error", text_or_null(entry.problem)}};
    if (const auto verifying = entry.verifying()) torrent["verifying"] = verifying->done;
    if (status.content) {
        torrent["size"] = status.content->size;
        torrent["had"] = status.content->size - status.content->left;
    }
    return torrent;
}

std::uint64_t torrent_json_hash(const TorrentReport& report) {
    const RosterEntry& entry = report.entry;
    StateHash hash;
    hash.add(report.index);
    hash.add(entry.name);
    hash.add(entry.info_hash);
    hash.add(entry.label);
    hash.add(entry.url);
    hash.add(entry.problem);
    // state_text() depends on these three, too.
    hash.add((entry.visible() ? 1U : 0U) + (entry.handle ? 2U : 0U) + (entry.paused ? 4U : 0U));
    const auto verifying = entry.verifying();
    hash.add(verifying ? static_cast<std::uint64_t>(1e6 * verifying->done) + 1 : 0);
    if (!report.status) return hash.value();
    const TorrentStatus& status = *report.status;
    hash.add(status.metadata.pieces_had);
    hash.add(status.metadata.piece_count);
    hash.add(status.peers);
    hash.add(status.seeds);
    hash.add(whole(status.rates.down));
    hash.add(whole(status.rates.up));
    hash.add(status.content ? status.content->size + 1 : 0);
    hash.add(status.content ? status.content->left : 0);
    return hash.value();
}

boost::json::object peer_json(const PeerStatus& peer) {
    boost::json::array flags;
    for (const std::string_view flag : peer_flags(peer)) flags.emplace_back(flag);
    return {{"endpoint", peer.endpoint.text()},
            {"client", text_or_null(peer.client)},
            {"flags", std::move(flags)},
            {"pieces", peer.pieces},
            {"received", peer.received},
            {"sent", peer.sent},
            {"asked", peer.bytes_asked},
            {"down", whole(peer.down)},
            {"up", whole(peer.up)},
            {"round_trip", peer.round_trip_s}};
}

boost::json::object tracker_json(const tracker::TrackerStatus& tracker, TimePoint now) {
    boost::json::object json{{"url", to_valid_utf8(tracker::public_url(tracker.url))},
                             {"family", nullptr},
                             {"working", tracker.working},
                             {"message", text_or_null(tracker.message)},
                             {"announcing", tracker.announcing},
                             {"announced_ago", nullptr},
                             {"next_announce_in", nullptr},
                             {"peers", tracker.peer_count},
                             {"seeds", nullptr},
                             {"leechers", nullptr}};
    if (tracker.ended_at) json["announced_ago"] = seconds(now - *tracker.ended_at);
    if (tracker.next_at) json["next_announce_in"] = seconds(std::max<Duration>(*tracker.next_at - now, 0s));
    if (tracker.usable) json["family"] = tracker.family == AddressFamily::v4 ? "IPv4" : "IPv6";
    if (tracker.complete) json["seeds"] = *tracker.complete;
    if (tracker.incomplete) json["leechers"] = *tracker.incomplete;
    return json;
}

boost::json::object reader_json(const ReaderStatus& reader, const std::string& why) {
    boost::json::object json{{"path", to_valid_utf8(reader.path)},
                             {"size", reader.size},
                             {"pid", nullptr},
                             {"process", text_or_null(reader.remote.program)},
                             {"client", text_or_null(reader.remote.address)},
                             {"position", nullptr},
                             {"window_end", nullptr},
                             {"rate", nullptr},
                             {"scan", reader.scan},
                             {"waiting", reader.waiting},
                             {"waited", seconds(reader.waited)},
                             {"why", text_or_null(why)}};
    if (reader.thread > 0) {
        const ReaderProcess process = reader_process(reader.thread);
        json["pid"] = process.id;
        json["process"] = text_or_null(process.name);
    }
    if (!reader.window.empty()) {
        json["position"] = reader.window.begin;
        json["window_end"] = reader.window.end;
    }
    if (reader.bytes_per_second > 0) json["rate"] = reader.bytes_per_second;
    return json;
}

boost::json::object summary_json(const MountReport& report) {
    boost::json::array readers;
    std::size_t peers = 0;
    TransferRates rates;
    for (const ReaderStatus& reader : report.readers) {
        const auto why = report.why.find(reader.reader);
        readers.push_back(reader_json(reader, why == report.why.end() ? std::string() : why->second));
    }
    for (const TorrentReport& torrent : report.torrents) {
        if (!torrent.status) continue;
        peers += torrent.status->peers;
        rates.down += torrent.status->rates.down;
        rates.up += torrent.status->rates.up;
    }
    boost::json::object json{{"version", BTFS_VERSION},
                             {"age", seconds(report.age)},
                             {"port", nullptr},
                             {"proxy", text_or_null(report.proxy)},
                             {"peers", peers},
                             {"down", whole(rates.down)},
                             {"up", whole(rates.up)},
                             {"received", report.totals.received.sum()},
                             {"wasted", report.totals.wasted},
                             {"sent", report.totals.sent},
                             {"cache", nullptr},
                             {"scans", report.scans},
                             {"readers", std::move(readers)}};
    if (report.port != 0) json["port"] = report.port;
    if (report.cache_limit) json["cache"] = {{"used", report.cache_used}, {"limit", *report.cache_limit}};
    return json;
}

boost::json::object mount_json(const MountReport& report) {
    boost::json::object mount = summary_json(report);
    boost::json::array torrents;
    const TimePoint now = Clock::now();
    for (const TorrentReport& torrent : report.torrents) {
        boost::json::object json = torrent_json(torrent);
        boost::json::array trackers, connections;
        if (torrent.status) {
            const TorrentStatus& status = *torrent.status;
            for (const PeerStatus& peer : status.connections) connections.push_back(peer_json(peer));
            if (status.tracker) trackers.push_back(tracker_json(*status.tracker, now));
            for (const tracker::TrackerStatus& tracker : status.unusable_trackers)
                trackers.push_back(tracker_json(tracker, now));
        }
        json["trackers"] = std::move(trackers);
        json["connections"] = std::move(connections);
        torrents.push_back(std::move(json));
    }
    mount["torrents"] = std::move(torrents);
    return mount;
}

}  // namespace btfs::cli
