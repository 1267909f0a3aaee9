#include "cli/view/mount_state.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "cli/control/answer.hpp"

namespace btfs::cli {
namespace {

using Json = boost::json::object;

double real_in(const Json& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}

std::optional<std::uint64_t> optional_in(const Json& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr || !value->is_number()) return std::nullopt;
    return number_in(object, key);
}

std::optional<double> optional_real_in(const Json& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr || !value->is_number()) return std::nullopt;
    return value->to_number<double>();
}

const Json* object_in(const Json& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value == nullptr ? nullptr : value->if_object();
}

/// Makes a state of each object in a list.
template <class State>
std::vector<State> states_in(const Json& object, std::string_view key, State (*make)(const Json&)) {
    std::vector<State> states;
    const auto* const value = object.if_contains(key);
    const auto* const list = value == nullptr ? nullptr : value->if_array();
    if (list == nullptr) return states;
    states.reserve(list->size());
    for (const auto& each : *list)
        if (const Json* const item = each.if_object()) states.push_back(make(*item));
    return states;
}

TorrentState torrent_state(const Json& json) {
    return {.name = text_in(json, "name"),
            .info_hash = text_in(json, "info_hash"),
            .state = text_in(json, "state"),
            .error = text_in(json, "error"),
            .size = number_in(json, "size"),
            .had = number_in(json, "had"),
            .peers = number_in(json, "peers"),
            .seeds = number_in(json, "seeds"),
            .down = number_in(json, "down"),
            .up = number_in(json, "up"),
            .verifying = optional_real_in(json, "verifying")};
}

ReaderState reader_state(const Json& json) {
    return {.path = text_in(json, "path"),
            .process = text_in(json, "process"),
            .client = text_in(json, "client"),
            .why = text_in(json, "why"),
            .pid = number_in(json, "pid"),
            .size = number_in(json, "size"),
            .rate = number_in(json, "rate"),
            .waiting = number_in(json, "waiting"),
            .position = number_in(json, "position"),
            .window_end = number_in(json, "window_end"),
            .waited = real_in(json, "waited"),
            .scan = flag_in(json, "scan")};
}

PeerState peer_state(const Json& json) {
    PeerState peer{.endpoint = text_in(json, "endpoint"),
                   .client = text_in(json, "client"),
                   .flags = {},
                   .pieces = number_in(json, "pieces"),
                   .down = number_in(json, "down"),
                   .up = number_in(json, "up"),
                   .asked = number_in(json, "asked"),
                   .round_trip = real_in(json, "round_trip")};
    const auto* const flags = json.if_contains("flags");
    if (flags == nullptr || !flags->is_array()) return peer;
    for (const auto& flag : flags->get_array())
        if (flag.is_string()) peer.flags.emplace_back(flag.get_string());
    return peer;
}

FileState file_state(const Json& json) {
    return {.path = text_in(json, "path"),
            .size = number_in(json, "size"),
            .offset_in_torrent = number_in(json, "offset"),
            .had = optional_in(json, "had"),
            .pinned = flag_in(json, "pinned")};
}

TrackerState tracker_state(const Json& json) {
    return {.url = text_in(json, "url"),
            .family = text_in(json, "family"),
            .message = text_in(json, "message"),
            .working = flag_in(json, "working"),
            .seeds = optional_in(json, "seeds"),
            .leechers = optional_in(json, "leechers")};
}

}  // namespace

MountState mount_state(const Json& json) {
    MountState mount{.version = text_in(json, "version"),
                     .proxy = text_in(json, "proxy"),
                     .age = real_in(json, "age"),
                     .port = number_in(json, "port"),
                     .peers = number_in(json, "peers"),
                     .down = number_in(json, "down"),
                     .up = number_in(json, "up"),
                     .received = number_in(json, "received"),
                     .sent = number_in(json, "sent"),
                     .cache = {},
                     .readers = states_in(json, "readers", reader_state),
                     .torrents = states_in(json, "torrents", torrent_state)};
    if (const Json* const cache = object_in(json, "cache"))
        mount.cache = MountState::Cache{number_in(*cache, "used"), number_in(*cache, "limit")};
    return mount;
}

DetailsState details_state(const Json& json) {
    DetailsState details{.info_hash = text_in(json, "info_hash"),
                         .name = text_in(json, "name"),
                         .error = text_in(json, "error"),
                         .peers = states_in(json, "connections", peer_state),
                         .files = states_in(json, "files", file_state),
                         .trackers = states_in(json, "trackers", tracker_state),
                         .known_peers = number_in(json, "known_peers"),
                         .map = {},
                         .availability = {}};
    if (const Json* const pieces = object_in(json, "pieces")) {
        details.piece_count = number_in(*pieces, "count");
        details.piece_length = number_in(*pieces, "length");
        details.pieces_had = number_in(*pieces, "had");
        details.map = text_in(*pieces, "map");
        details.availability = text_in(*pieces, "availability");
    }
    return details;
}

}  // namespace btfs::cli
