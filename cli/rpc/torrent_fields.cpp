#include "cli/rpc/torrent_fields.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <utility>

#include "cli/text/base64.hpp"
#include "cli/text/labels.hpp"
#include "engine/metainfo/utf8.hpp"
#include "engine/tracker/public_url.hpp"

namespace btfs::cli {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

constexpr std::int64_t kUnknownCount = -1;

std::int64_t whole(double number) {
    return std::llround(number);
}

value text(const std::string& bytes) {
    return value(to_valid_utf8(bytes));
}

std::string percent_encoded(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        const bool plain = ('0' <= c && c <= '9') || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') ||
                           c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            encoded += c;
        } else {
            char hex[4];
            std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
            encoded += hex;
        }
    }
    return encoded;
}

std::string magnet_link(const RosterEntry& entry) {
    constexpr std::size_t kV1 = 40;
    if (entry.info_hash.empty()) return {};
    const std::string topic = entry.info_hash.size() == kV1 ? "urn:btih:" : "urn:btmh:1220";
    return "magnet:?xt=" + topic + entry.info_hash + "&dn=" + percent_encoded(entry.name);
}

/// Returns the host of a tracker's URL, with its port.
std::string host_of(const std::string& url) {
    const std::size_t begin = url.find("://");
    if (begin == std::string::npos) return {};
    return url.substr(begin + 3, url.find_first_of("/?#", begin + 3) - begin - 3);
}

/// Returns the part of a host's name that people know it by: "example" of "tracker.example.org:80".
std::string site_name(const std::string& url) {
    std::string host = host_of(url);
    host = host.substr(0, host.rfind(':'));
    const std::size_t dot = host.rfind('.');
    if (dot == std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos) return host;
    const std::size_t before = host.rfind('.', dot - 1);
    return host.substr(before == std::string::npos ? 0 : before + 1,
                       dot - (before == std::string::npos ? 0 : before + 1));
}

/// Calls f(number, tier, URL without secrets) for each tracker.
template <class F>
void each_tracker(const TorrentView& torrent, F f) {
    std::int64_t number = 0, tier = 0;
    for (const auto& urls : torrent.facts().trackers) {
        for (const std::string& url : urls) f(number++, tier, to_valid_utf8(tracker::public_url(url)));
        ++tier;
    }
}

value trackers(const TorrentView& torrent, RpcForm) {
    array list;
    each_tracker(torrent, [&](std::int64_t number, std::int64_t tier, const std::string& url) {
        list.push_back(object{
            {"announce", url}, {"id", number}, {"scrape", ""}, {"sitename", site_name(url)}, {"tier", tier}});
    });
    return list;
}

value tracker_list(const TorrentView& torrent, RpcForm) {
    std::string lines;
    std::int64_t last = 0;
    each_tracker(torrent, [&](std::int64_t, std::int64_t tier, const std::string& url) {
        if (!lines.empty()) lines += tier == last ? "\n" : "\n\n";
        lines += url;
        last = tier;
    });
    return value(lines);
}

/// Returns what is known of a tracker: of all of them with TorrentView::trackers, else of the one that
/// answers, or of the first that has something to say, and of those whose URLs cannot be used. Of two address
/// families the working one counts.
const tracker::TrackerStatus* status_of_tracker(const TorrentView& torrent, const std::string& public_url) {
    const tracker::TrackerStatus* found = nullptr;
    const auto look = [&](const tracker::TrackerStatus& one) {
        if (to_valid_utf8(tracker::public_url(one.url)) != public_url) return;
        if (!found || (one.working && !found->working)) found = &one;
    };
    if (torrent.trackers) {
        std::ranges::for_each(*torrent.trackers, look);
    } else {
        if (torrent.engine().tracker) look(*torrent.engine().tracker);
        std::ranges::for_each(torrent.engine().unusable_trackers, look);
    }
    return found;
}

/// Transmission's words for how an announce ended.
std::string result_of(const tracker::TrackerStatus& status) {
    if (status.working && status.message.empty()) return "Success";
    return to_valid_utf8(status.message);
}

/// The counts of a swarm come with the answers to announces: btfs asks for no scrapes of their own.
value tracker_stats(const TorrentView& torrent, RpcForm form) {
    constexpr int kInactive = 0, kWaiting = 1, kActive = 3;
    static const tracker::TrackerStatus kUnknown{};
    const RpcMount& mount = torrent.mount;
    const bool is_served = torrent.engine().tracker && torrent.engine().tracker->working;
    array list;
    each_tracker(torrent, [&](std::int64_t number, std::int64_t tier, const std::string& url) {
        const tracker::TrackerStatus* const found = status_of_tracker(torrent, url);
        const tracker::TrackerStatus& status = found ? *found : kUnknown;
        const auto count = [&](const std::optional<std::uint32_t>& of) -> std::int64_t {
            return of ? *of : kUnknownCount;
        };
        // A URL that cannot be used has failed at each time that it is looked at.
        const bool announced = status.ended_at || !status.usable;
        const bool is_backup = !found || (is_served && status.usable && !status.asked_at);
        object json;
        const auto put = [&](std::string_view key, const auto& field) {
            json.emplace(camel_name(form, key), field);
        };
        put("announce", url);
        put("announce_state", status.announcing ? kActive : status.next_at ? kWaiting : kInactive);
        put("download_count", kUnknownCount);
        put("downloader_count", kUnknownCount);
        put("has_announced", announced);
        put("has_scraped", status.counted_at.has_value());
        put("host", host_of(url));
        put("id", number);
        put("is_backup", is_backup);
        put("last_announce_peer_count", status.peer_count);
        put("last_announce_result", announced ? result_of(status) : std::string());
        put("last_announce_start_time", mount.seconds_of(status.asked_at));
        put("last_announce_succeeded", status.working);
        put("last_announce_time", status.usable ? mount.seconds_of(status.ended_at) : mount.now_s);
        put("last_announce_timed_out", status.timed_out);
        put("last_scrape_result", "");
        put("last_scrape_start_time", mount.seconds_of(status.counted_at));
        put("last_scrape_succeeded", status.counted_at.has_value());
        put("last_scrape_time", mount.seconds_of(status.counted_at));
        put("last_scrape_timed_out", false);
        put("leecher_count", count(status.incomplete));
        put("next_announce_time", mount.seconds_of(status.next_at));
        put("next_scrape_time", 0);
        put("scrape", "");
        put("scrape_state", kInactive);
        put("seeder_count", count(status.complete));
        put("sitename", site_name(url));
        put("tier", tier);
        list.push_back(std::move(json));
    });
    return list;
}

/// One letter for each fact, as Transmission's clients explain them.
std::string flags_of(const PeerStatus& peer) {
    std::string flags;
    if (peer.utp) flags += 'T';
    if (peer.interesting) flags += peer.chokes_us ? 'd' : 'D';
    if (peer.interested_in_us) flags += peer.choked ? 'u' : 'U';
    if (!peer.chokes_us && !peer.interesting) flags += 'K';
    if (!peer.choked && !peer.interested_in_us) flags += '?';
    if (peer.encrypted) flags += 'E';
    if (peer.incoming) flags += 'I';
    return flags;
}

value peers(const TorrentView& torrent, RpcForm form) {
    array list;
    for (const PeerStatus& peer : torrent.engine().connections) {
        if (peer.web_seed) continue;
        object json;
        const auto put = [&](std::string_view key, const auto& field) {
            json.emplace(camel_name(form, key), field);
        };
        const std::uint32_t pieces = torrent.facts().piece_count;
        put("address", peer.endpoint.address.text());
        put("bytes_to_client", peer.received);
        put("bytes_to_peer", peer.sent);
        put("client_is_choked", peer.chokes_us);
        put("client_is_interested", peer.interesting);
        put("client_name", text(peer.client));
        put("flag_str", flags_of(peer));
        put("is_downloading_from", peer.bytes_asked > 0);
        put("is_encrypted", peer.encrypted);
        put("is_incoming", peer.incoming);
        put("is_uploading_to", peer.interested_in_us && !peer.choked);
        put("is_utp", peer.utp);
        put("peer_is_choked", peer.choked);
        put("peer_is_interested", peer.interested_in_us);
        put("port", peer.endpoint.port);
        put("rate_to_client", whole(peer.down));
        put("rate_to_peer", whole(peer.up));
        put("progress", pieces == 0 ? 0.0 : static_cast<double>(peer.pieces) / pieces);
        list.push_back(std::move(json));
    }
    return list;
}

/// Connections by the sources that told of their peers. Transmission has none for peers that the user gave,
/// and one, LTEP, that btfs has not.
value peers_from(const TorrentView& torrent, RpcForm form) {
    constexpr std::array<std::pair<PeerSource, std::string_view>, 6> kSources{
        {{PeerSource::kept, "from_cache"},
         {PeerSource::dht, "from_dht"},
         {PeerSource::incoming, "from_incoming"},
         {PeerSource::lsd, "from_lpd"},
         {PeerSource::pex, "from_pex"},
         {PeerSource::tracker, "from_tracker"}}};
    object json{{camel_name(form, "from_ltep"), 0}};
    for (const auto& [source, name] : kSources)
        json.emplace(camel_name(form, name), std::ranges::count(torrent.engine().connections,
                                                                std::optional(source), &PeerStatus::source));
    return json;
}

std::int64_t count_peers(const TorrentView& torrent, bool (*counts)(const PeerStatus&)) {
    return std::ranges::count_if(torrent.engine().connections, counts);
}

/// For each piece, how many connected peers have it; -1: we have it.
value availability(const TorrentView& torrent, RpcForm) {
    array list;
    if (!torrent.details || !torrent.details->pieces) return list;
    const PieceMap& pieces = *torrent.details->pieces;
    for (PieceIndex piece(0); piece.value() < pieces.had.size(); piece = piece.next())
        list.push_back(pieces.had.test(piece) ? -1 : int{pieces.availability.at(piece.value())});
    return list;
}

value files(const TorrentView& torrent, RpcForm form) {
    array list;
    if (!torrent.content) return list;
    for (const ContentReport::File& file : torrent.content->files)
        list.push_back(object{{camel_name(form, "bytes_completed"), file.had},
                              {"length", file.size},
                              {"name", to_valid_utf8(file.path)},
                              {camel_name(form, "begin_piece"), file.first_piece},
                              {camel_name(form, "end_piece"), file.end_piece}});
    return list;
}

value file_stats(const TorrentView& torrent, RpcForm form) {
    array list;
    if (!torrent.content) return list;
    for (const ContentReport::File& file : torrent.content->files)
        list.push_back(object{
            {camel_name(form, "bytes_completed"), file.had}, {"wanted", file.pinned}, {"priority", 0}});
    return list;
}

/// One value for each file.
template <class F>
value each_file(const TorrentView& torrent, F f) {
    array list;
    if (!torrent.content) return list;
    for (const ContentReport::File& file : torrent.content->files) list.push_back(f(file));
    return list;
}

value web_seeds_ex(const TorrentView& torrent, RpcForm) {
    array list;
    for (const std::string& url : torrent.facts().web_seeds)
        list.push_back(object{{"url", to_valid_utf8(tracker::public_url(url))}});
    return list;
}

value web_seeds(const TorrentView& torrent, RpcForm) {
    array list;
    for (const std::string& url : torrent.facts().web_seeds)
        list.push_back(value(to_valid_utf8(tracker::public_url(url))));
    return list;
}

value labels(const TorrentView& torrent, RpcForm) {
    array list;
    for (const std::string& label : labels_of(torrent.entry().label)) list.push_back(text(label));
    return list;
}

double percent_of(std::uint64_t part, std::uint64_t all) {
    return all == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(all);
}

double metadata_progress(const TorrentView& torrent) {
    if (torrent.is_known()) return 1;
    const MetadataProgress& progress = torrent.engine().metadata;
    return progress.piece_count == 0 ? 0.0 : static_cast<double>(progress.pieces_had) / progress.piece_count;
}

std::int64_t shown_s(const TorrentView& torrent) {
    return torrent.entry().shown_ms / 1000;
}

double percent_done(const TorrentView& torrent) {
    if (!torrent.is_known()) return 0;
    const std::uint64_t size = torrent.size_when_done();
    return size == 0 ? 1.0 : percent_of(size - std::min(size, torrent.left_until_done()), size);
}

using View = const TorrentView&;

/// Sorted by name.
constexpr std::array kFields{
    TorrentField{"activity_date", [](View t, RpcForm) -> value { return t.active_s; }},
    TorrentField{"added_date", [](View t, RpcForm) -> value { return t.entry().added_ms / 1000; }},
    TorrentField{"availability", availability, false, true},
    TorrentField{"bandwidth_priority",
                 [](View t, RpcForm) -> value { return t.entry().limits.bandwidth_priority; }},
    TorrentField{
        "bytes_completed",
        [](View t, RpcForm) -> value { return each_file(t, [](const auto& file) { return file.had; }); },
        true},
    TorrentField{"comment", [](View t, RpcForm) -> value { return text(t.facts().comment); }},
    TorrentField{"corrupt_ever", [](View t, RpcForm) -> value { return t.engine().wasted; }},
    TorrentField{"creator", [](View t, RpcForm) -> value { return text(t.facts().creator); }},
    TorrentField{"date_created", [](View t, RpcForm) -> value { return t.facts().created; }},
    TorrentField{"desired_available",
                 [](View t, RpcForm) -> value {
                     return t.engine().seeds > 0 ? t.left_until_done() : std::uint64_t{0};
                 }},
    TorrentField{"done_date",
                 [](View t, RpcForm) -> value { return t.is_downloading() ? std::int64_t{0} : shown_s(t); }},
    TorrentField{"download_dir", [](View t, RpcForm) -> value { return text(t.download_dir()); }},
    TorrentField{"download_limit", [](View t, RpcForm) -> value { return t.entry().limits.download_kB; }},
    TorrentField{"download_limited",
                 [](View t, RpcForm) -> value { return t.entry().limits.download_limited; }},
    TorrentField{"downloaded_ever", [](View t, RpcForm) -> value { return t.engine().downloaded; }},
    TorrentField{"edit_date", [](View, RpcForm) -> value { return 0; }},
    TorrentField{"error", [](View t, RpcForm) -> value { return t.entry().problem.empty() ? 0 : 3; }},
    TorrentField{"error_string", [](View t, RpcForm) -> value { return text(t.entry().problem); }},
    TorrentField{"eta", [](View t, RpcForm) -> value { return t.eta(); }},
    TorrentField{"eta_idle", [](View, RpcForm) -> value { return -1; }},
    TorrentField{"file_count", [](View t, RpcForm) -> value { return t.facts().file_count; }},
    TorrentField{"file_stats", file_stats, true},
    TorrentField{"files", files, true},
    TorrentField{"group", [](View, RpcForm) -> value { return ""; }},
    TorrentField{"hash_string", [](View t, RpcForm) -> value { return value(t.entry().info_hash); }},
    TorrentField{"have_unchecked", [](View, RpcForm) -> value { return 0; }},
    TorrentField{"have_valid", [](View t, RpcForm) -> value { return t.bytes_had(); }},
    TorrentField{"honors_session_limits",
                 [](View t, RpcForm) -> value { return t.entry().limits.honors_session_limits; }},
    TorrentField{"id", [](View t, RpcForm) -> value { return t.id(); }},
    TorrentField{
        "is_finished",
        [](View t, RpcForm) -> value { return t.is_known() && t.engine().seeding_ended.has_value(); }},
    TorrentField{"is_private", [](View t, RpcForm) -> value { return t.facts().is_private; }},
    TorrentField{"is_stalled",
                 [](View t, RpcForm) -> value { return t.is_downloading() && t.engine().rates.down < 1; }},
    TorrentField{"labels", labels},
    TorrentField{"left_until_done", [](View t, RpcForm) -> value { return t.left_until_done(); }},
    TorrentField{"magnet_link", [](View t, RpcForm) -> value { return text(magnet_link(t.entry())); }},
    TorrentField{"manual_announce_time", [](View, RpcForm) -> value { return -1; }},
    TorrentField{"max_connected_peers", [](View t, RpcForm) -> value { return t.mount.max_peers; }},
    TorrentField{"metadata_percent_complete", [](View t, RpcForm) -> value { return metadata_progress(t); }},
    TorrentField{"name", [](View t, RpcForm) -> value { return text(t.entry().name); }},
    TorrentField{"peer_limit",
                 [](View t, RpcForm) -> value {
                     return std::uint64_t{t.entry().limits.peer_limit
                                              ? *t.entry().limits.peer_limit
                                              : static_cast<std::uint32_t>(t.mount.max_peers)};
                 }},
    TorrentField{"peers", peers},
    TorrentField{"peers_connected",
                 [](View t, RpcForm) -> value {
                     return count_peers(t, [](const PeerStatus& peer) { return !peer.web_seed; });
                 }},
    TorrentField{"peers_from", peers_from},
    TorrentField{"peers_getting_from_us",
                 [](View t, RpcForm) -> value {
                     return count_peers(t, [](const PeerStatus& peer) {
                         return !peer.web_seed && peer.interested_in_us && !peer.choked;
                     });
                 }},
    TorrentField{"peers_sending_to_us",
                 [](View t, RpcForm) -> value {
                     return count_peers(
                         t, [](const PeerStatus& peer) { return !peer.web_seed && peer.bytes_asked > 0; });
                 }},
    TorrentField{"percent_complete",
                 [](View t, RpcForm) -> value { return percent_of(t.bytes_had(), t.facts().size); }},
    TorrentField{"percent_done", [](View t, RpcForm) -> value { return percent_done(t); }},
    TorrentField{"piece_count", [](View t, RpcForm) -> value { return t.facts().piece_count; }},
    TorrentField{"piece_size", [](View t, RpcForm) -> value { return t.facts().piece_length; }},
    TorrentField{"pieces",
                 [](View t, RpcForm) -> value {
                     return value(t.content ? to_base64(t.content->pieces.bytes()) : std::string());
                 },
                 true},
    TorrentField{"primary_mime_type", [](View, RpcForm) -> value { return "application/octet-stream"; }},
    TorrentField{"priorities",
                 [](View t, RpcForm) -> value { return each_file(t, [](const auto&) { return 0; }); }, true},
    TorrentField{"queue_position", [](View t, RpcForm) -> value { return t.id() - 1; }},
    TorrentField{"rate_download", [](View t, RpcForm) -> value { return whole(t.engine().rates.down); }},
    TorrentField{"rate_upload", [](View t, RpcForm) -> value { return whole(t.engine().rates.up); }},
    TorrentField{"recheck_progress",
                 [](View t, RpcForm) -> value {
                     const auto verifying = t.entry().verifying();
                     return verifying ? verifying->done : 0.0;
                 }},
    TorrentField{"seconds_downloading",
                 [](View t, RpcForm) -> value {
                     if (!t.is_downloading()) return 0;
                     return t.mount.now_s - t.entry().added_ms / 1000;
                 }},
    TorrentField{"seconds_seeding",
                 [](View t, RpcForm) -> value {
                     if (!t.is_known() || t.is_downloading()) return 0;
                     return t.mount.now_s - shown_s(t);
                 }},
    TorrentField{"seed_idle_limit",
                 [](View t, RpcForm) -> value { return t.entry().limits.seed_idle_minutes; }},
    TorrentField{"seed_idle_mode",
                 [](View t, RpcForm) -> value { return static_cast<int>(t.entry().limits.seed_idle_mode); }},
    TorrentField{"seed_ratio_limit", [](View t, RpcForm) -> value { return t.entry().limits.seed_ratio; }},
    TorrentField{"seed_ratio_mode",
                 [](View t, RpcForm) -> value { return static_cast<int>(t.entry().limits.seed_ratio_mode); }},
    TorrentField{"sequential_download", [](View, RpcForm) -> value { return true; }},
    TorrentField{"sequential_download_from_piece", [](View, RpcForm) -> value { return 0; }},
    TorrentField{"size_when_done", [](View t, RpcForm) -> value { return t.size_when_done(); }},
    TorrentField{"source", [](View t, RpcForm) -> value { return text(t.facts().source); }},
    TorrentField{"start_date", [](View t, RpcForm) -> value { return shown_s(t); }},
    TorrentField{"status", [](View t, RpcForm) -> value { return static_cast<int>(t.status()); }},
    TorrentField{"torrent_file", [](View, RpcForm) -> value { return ""; }},
    TorrentField{"total_size", [](View t, RpcForm) -> value { return t.total_size(); }},
    TorrentField{"tracker_list", tracker_list},
    TorrentField{"tracker_stats", tracker_stats, false, false, true},
    TorrentField{"trackers", trackers},
    TorrentField{"upload_limit", [](View t, RpcForm) -> value { return t.entry().limits.upload_kB; }},
    TorrentField{"upload_limited", [](View t, RpcForm) -> value { return t.entry().limits.upload_limited; }},
    TorrentField{"upload_ratio", [](View t, RpcForm) -> value { return t.upload_ratio(); }},
    TorrentField{"uploaded_ever", [](View t, RpcForm) -> value { return t.engine().uploaded; }},
    TorrentField{"wanted",
                 [](View t, RpcForm form) -> value {
                     return each_file(t, [&](const auto& file) {
                         return form == RpcForm::old ? value(file.pinned ? 1 : 0) : value(file.pinned);
                     });
                 },
                 true},
    TorrentField{"webseeds", web_seeds},
    TorrentField{"webseeds_ex", web_seeds_ex},
    TorrentField{"webseeds_sending_to_us",
                 [](View t, RpcForm) -> value {
                     return count_peers(
                         t, [](const PeerStatus& peer) { return peer.web_seed && peer.bytes_asked > 0; });
                 }},
};

static_assert(std::ranges::is_sorted(kFields, {}, &TorrentField::name));

}  // namespace

const TorrentField* find_torrent_field(std::string_view snake_case_name) {
    const auto found = std::ranges::lower_bound(kFields, snake_case_name, {}, &TorrentField::name);
    return found == kFields.end() || found->name != snake_case_name ? nullptr : &*found;
}

}  // namespace btfs::cli
