#include "cli/service/mount_control.hpp"

#include <boost/json.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "cli/process/failure.hpp"
#include "cli/service/details_json.hpp"
#include "cli/service/status_json.hpp"
#include "cli/text/base64.hpp"
#include "cli/text/labels.hpp"
#include "engine/metainfo/utf8.hpp"

namespace btfs::cli {
namespace {

using Json = boost::json::object;

/// Throws Failure if the request has something else by that name.
std::optional<std::string> optional_text(const Json& request, std::string_view key) {
    const auto* const value = request.if_contains(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (!value->is_string()) throw Failure(std::string(key) + " is no text");
    return std::string(value->get_string());
}

/// Throws Failure if the request has no such text.
std::string text(const Json& request, std::string_view key) {
    const auto found = optional_text(request, key);
    if (!found) throw Failure("no " + std::string(key) + " in the request");
    return *found;
}

bool flag(const Json& request, std::string_view key) {
    const auto* const value = request.if_contains(key);
    if (value == nullptr || value->is_null()) return false;
    if (!value->is_bool()) throw Failure(std::string(key) + " is no boolean");
    return value->get_bool();
}

boost::json::value text_or_null(const std::string& text) {
    return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
}

/// Returns the number by that name; nothing if it is null. Throws Failure for anything else, and for a number
/// that is not between `least` and `most`.
std::optional<double> number_or_null(const Json& request, std::string_view key, double least, double most) {
    const boost::json::value& value = request.at(key);
    if (value.is_null()) return std::nullopt;
    if (!value.is_number()) throw Failure(std::string(key) + " is no number");
    const auto number = value.to_number<double>();
    if (!(number >= least && number <= most)) throw Failure(std::string(key) + " is out of its range");
    return number;
}

/// Takes a limit in bytes per second.
void take_rate(const Json& request, std::string_view key, double least, bool& limited, std::uint32_t& kB) {
    if (!request.contains(key)) return;
    constexpr double kMost = 1000.0 * std::numeric_limits<std::uint32_t>::max();
    const auto rate = number_or_null(request, key, least, kMost);
    limited = rate.has_value();
    if (rate) kB = static_cast<std::uint32_t>(std::ceil(*rate / 1000));
}

TorrentLimits with_limits(TorrentLimits limits, const Json& request) {
    // A limit of 0 would have every read of what the cache lacks wait for ever.
    take_rate(request, "download_limit", 1, limits.download_limited, limits.download_kB);
    take_rate(request, "upload_limit", 0, limits.upload_limited, limits.upload_kB);
    if (request.contains("max_peers")) {
        const auto peers = number_or_null(request, "max_peers", 1, 2000);
        limits.peer_limit = peers ? std::optional(static_cast<std::uint32_t>(*peers)) : std::nullopt;
    }
    const auto* const ratio = request.if_contains("seed_ratio");
    if (ratio != nullptr && *ratio == "none") {
        limits.seed_ratio_mode = LimitMode::none;
    } else if (ratio != nullptr) {
        const auto own = number_or_null(request, "seed_ratio", 0, std::numeric_limits<std::uint32_t>::max());
        limits.seed_ratio_mode = own ? LimitMode::own : LimitMode::of_session;
        limits.seed_ratio = own.value_or(limits.seed_ratio);
    }
    return limits;
}

/// The bytes that the source is given by.
Bytes content_of(const Json& request) {
    if (const auto link = optional_text(request, "link")) {
        const ByteView bytes = as_bytes(*link);
        return {bytes.begin(), bytes.end()};
    }
    auto file = from_base64(text(request, "file"));
    if (!file) throw Failure("file is not base64");
    return std::move(*file);
}

}  // namespace

Json MountControl::handle(const Json& request) {
    const std::string command = text(request, "command");
    if (command == "add") return add(request);
    if (command == "remove") return remove(request);
    if (command == "set") return set(request);
    if (command == "pause") return set_paused(request, true);
    if (command == "resume") return set_paused(request, false);
    if (command == "list") return list();
    if (command == "status") return status();
    if (command == "torrent") return torrent(request);
    if (command == "pin") return fetch(request, Fetching::pinned);
    if (command == "unpin") return fetch(request, Fetching::unpinned);
    if (command == "prefetch") return fetch(request, Fetching::once);
    throw Failure("the mount knows no command " + command);
}

Json MountControl::add(const Json& request) {
    const AddReport report = torrents_.add_source({.content = content_of(request),
                                                   .label = optional_text(request, "label").value_or(""),
                                                   .pinned_whole = flag(request, "pin"),
                                                   .added_ms = AddedSources::now_ms()});
    return {{"name", to_valid_utf8(report.name)},
            {"info_hash", text_or_null(report.info_hash)},
            {"id", Roster::id_of(report.index)},
            {"was_there", report.was_there},
            {"warning", text_or_null(report.warning)}};
}

Json MountControl::remove(const Json& request) {
    const RemovedContent content =
        flag(request, "delete_data") ? RemovedContent::dropped : RemovedContent::kept;
    const RemoveReport report = torrents_.remove(text(request, "torrent"), content);
    return {{"name", to_valid_utf8(report.name)}, {"warning", text_or_null(report.warning)}};
}

Json MountControl::set(const Json& request) {
    const TorrentReport torrent = torrents_.details(text(request, "torrent")).torrent;
    TorrentChange change;
    if (const auto label = optional_text(request, "label")) {
        change.label = checked_label_text(labels_of(*label));
        if (!change.label) throw Failure(kLabelRule);
    }
    if (request.contains("pin")) (flag(request, "pin") ? change.pin : change.unpin).all = true;
    const TorrentLimits limits = with_limits(torrent.entry.limits, request);
    if (limits != torrent.entry.limits) change.limits = limits;
    torrents_.change(torrent.index, change);
    return {{"name", to_valid_utf8(torrents_.name_of(torrent.index))}};
}

Json MountControl::set_paused(const Json& request, bool paused) {
    if (flag(request, "all")) return {{"changed", torrents_.set_all_paused(paused)}};
    return {{"changed", torrents_.set_paused(text(request, "torrent"), paused)}};
}

Json MountControl::list() {
    boost::json::array torrents;
    for (const TorrentReport& report : torrents_.reports()) torrents.push_back(torrent_json(report));
    return {{"torrents", std::move(torrents)}};
}

Json MountControl::status() {
    return mount_json(torrents_.report());
}

Json MountControl::torrent(const Json& request) {
    return torrent_details_json(torrents_.details(text(request, "torrent")));
}

Json MountControl::fetch(const Json& request, Fetching fetching) {
    const FetchReport report = torrents_.fetch(text(request, "path"), fetching);
    Json answer{
        {"files", report.files}, {"bytes", report.bytes}, {"pinned", report.pinned}, {"room", nullptr}};
    if (report.room) answer["room"] = *report.room;
    return answer;
}

}  // namespace btfs::cli
