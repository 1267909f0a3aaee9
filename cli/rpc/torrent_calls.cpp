// TransmissionRpc: requests about torrents: added, changed, removed.
#include "cli/rpc/transmission_rpc.hpp"

#include <boost/json.hpp>
#include <utility>

#include "cli/process/failure.hpp"
#include "cli/rpc/tracker_change.hpp"
#include "cli/sources/torrent_url.hpp"
#include "cli/text/base64.hpp"
#include "cli/text/labels.hpp"
#include "cli/text/one_line.hpp"
#include "engine/log/log.hpp"
#include "engine/metainfo/utf8.hpp"

namespace btfs::cli {
namespace {

using boost::json::object;

std::string checked_labels(const std::vector<std::string>& labels) {
    const auto text = checked_label_text(labels);
    if (!text) throw RpcError(RpcError::invalid_params, kLabelRule);
    return *text;
}

TorrentChange::Files files_of(const RpcArguments& arguments, std::string_view key) {
    const auto indices = arguments.indices(key);
    if (!indices) return {};
    return {.all = indices->empty(), .some = *indices};
}

/// Throws RpcError for a mode that there is not.
void take_mode(const RpcArguments& arguments, std::string_view key, LimitMode& mode) {
    if (const auto number = arguments.integer(key, 0, 2)) mode = static_cast<LimitMode>(*number);
}

TorrentLimits with_limits(TorrentLimits limits, const RpcArguments& arguments) {
    take_number(arguments, "download_limit", limits.download_kB);
    take_flag(arguments, "download_limited", limits.download_limited);
    take_number(arguments, "upload_limit", limits.upload_kB);
    take_flag(arguments, "upload_limited", limits.upload_limited);
    take_flag(arguments, "honors_session_limits", limits.honors_session_limits);
    take_number(arguments, "seed_idle_limit", limits.seed_idle_minutes);
    take_mode(arguments, "seed_idle_mode", limits.seed_idle_mode);
    take_mode(arguments, "seed_ratio_mode", limits.seed_ratio_mode);
    if (const auto ratio = arguments.number("seed_ratio_limit")) {
        if (*ratio < 0 || *ratio > kMostLimit)
            throw RpcError(RpcError::invalid_params, "seed_ratio_limit is out of its range");
        limits.seed_ratio = *ratio;
    }
    if (const auto priority = arguments.integer("bandwidth_priority", -1, 1))
        limits.bandwidth_priority = static_cast<int>(*priority);
    if (const auto peers = arguments.integer("peer_limit", 1, 0xffff))
        limits.peer_limit = static_cast<std::uint32_t>(*peers);
    return limits;
}

/// Returns the trackers that the request gives to the torrent; nothing: it changes none.
std::optional<TrackerList> trackers_after(const TorrentReport& torrent, const TrackerChange& change) {
    if (change.is_empty()) return std::nullopt;
    const TrackerList none;
    const auto facts = torrent.entry.facts;
    return change.applied_to(facts ? facts->trackers : none);
}

/// Throws RpcError for a removal of all torrents that has an argument of another name: the client may have
/// meant it to name some.
void refuse_unclear_removal(const object& params, const RpcIds& ids) {
    if (ids.kind != RpcIds::Kind::all) return;
    for (const auto& [key, given] : params)
        if (snake_case(key) != "delete_local_data")
            throw RpcError(RpcError::invalid_params, "no torrent is removed: the argument " + one_line(key) +
                                                         " names none; \"ids\" does, and without any "
                                                         "such argument all are meant");
}

}  // namespace

TransmissionRpc::Json TransmissionRpc::torrent_add(const RpcCall& call, const RpcArguments& arguments) {
    AddedSources::Source source;
    source.added_ms = AddedSources::now_ms();
    if (const auto file = arguments.text("metainfo"); file && !file->empty()) {
        auto bytes = from_base64(*file);
        if (!bytes) throw RpcError(RpcError::invalid_params, "metainfo is no base64");
        source.content = std::move(*bytes);
    } else if (const auto link = arguments.text("filename"); link && !link->empty()) {
        // A path of this machine is not read: whoever reaches the RPC may not be who may read it.
        if (std::filesystem::path(*link).is_absolute())
            throw RpcError(RpcError::unrecognized_source,
                           "filename is a path; send the file's bytes as metainfo");
        const ByteView bytes = as_bytes(*link);
        source.content.assign(bytes.begin(), bytes.end());
    } else {
        throw RpcError(RpcError::invalid_params, "no filename or metainfo specified");
    }
    std::vector<std::string> labels = arguments.texts("labels").value_or(std::vector<std::string>{});
    if (const auto folder = arguments.text("download_dir"); folder && !folder->empty())
        if (std::string label = label_of(*folder); !label.empty())
            labels.insert(labels.begin(), std::move(label));
    source.label = checked_labels(labels);
    source.limits = with_limits({}, arguments);
    source.paused = arguments.flag("paused").value_or(!starts_added_);
    TorrentChange change{.pin = files_of(arguments, "files_wanted"),
                         .unpin = files_of(arguments, "files_unwanted")};
    // All that are wanted are pinned with the source; those that are not wanted are taken from them.
    source.pinned_whole = std::exchange(change.pin.all, false);

    AddReport added;
    try {
        added = torrents_.add_source(std::move(source));
    } catch (const Failure& failure) {
        throw RpcError(RpcError::unrecognized_source, failure.what());
    }
    if (!added.warning.empty()) log::warn("{}: {}", one_line(added.name), added.warning);
    // Files can be chosen at once if the torrent's file was given. The torrent is there, whatever fails here.
    try {
        if (!added.was_there && (!change.pin.some.empty() || !change.unpin.some.empty()))
            torrents_.change(added.index, change);
    } catch (const Failure& failure) {
        log::warn("{}: its files were not chosen: {}", one_line(added.name), failure.what());
    }
    const char* const key = added.was_there ? "torrent_duplicate" : "torrent_added";
    return {{dashed_name(call.form, key),
             {{camel_name(call.form, "hash_string"), added.info_hash},
              {"id", TorrentView::rpc_id(added.index)},
              {"name", to_valid_utf8(torrents_.name_of(added.index))}}}};
}

TransmissionRpc::Json TransmissionRpc::torrent_remove(const RpcCall& call, const RpcArguments& arguments) {
    const bool drop = arguments.flag("delete_local_data").value_or(false);
    const RpcIds ids = arguments.ids();
    refuse_unclear_removal(call.params, ids);
    each(ids, [&](const TorrentReport& torrent) {
        torrents_.remove(torrent.index, drop ? RemovedContent::dropped : RemovedContent::kept);
    });
    return {};
}

TransmissionRpc::Json TransmissionRpc::torrent_set(const RpcCall&, const RpcArguments& arguments) {
    if (arguments.find("location")) throw RpcError(RpcError::invalid_params, "content stays in the cache");
    const auto labels = arguments.texts("labels");
    TorrentChange change{.pin = files_of(arguments, "files_wanted"),
                         .unpin = files_of(arguments, "files_unwanted")};
    if (labels) change.label = checked_labels(*labels);
    const TrackerChange trackers(arguments);
    each(arguments.ids(), [&](const TorrentReport& torrent) {
        const TorrentLimits limits = with_limits(torrent.entry.limits, arguments);
        change.limits = limits == torrent.entry.limits ? std::nullopt : std::optional(limits);
        change.trackers = trackers_after(torrent, trackers);
        torrents_.change(torrent.index, change);
    });
    return {};
}

TransmissionRpc::Json TransmissionRpc::torrent_reannounce(const RpcCall&, const RpcArguments& arguments) {
    const Snapshot all = snapshot();
    for (const std::size_t i : chosen(all, arguments.ids())) torrents_.want_peers(all.torrents[i].index);
    return {};
}

TransmissionRpc::Json TransmissionRpc::torrent_start(const RpcCall&, const RpcArguments& arguments) {
    each(arguments.ids(), [&](const TorrentReport& torrent) {
        const auto ended = torrent.status ? torrent.status->seeding_ended : std::nullopt;
        if (!torrent.entry.paused && !ended) return;
        TorrentChange change{.paused = false};
        // Its goal would end it again at once; idle time begins anew.
        if (ended && *ended != SeedGoal::idle) {
            change.limits = torrent.entry.limits;
            change.limits->seed_ratio_mode = LimitMode::none;
        }
        torrents_.change(torrent.index, change);
    });
    return {};
}

TransmissionRpc::Json TransmissionRpc::torrent_stop(const RpcCall&, const RpcArguments& arguments) {
    each(arguments.ids(), [&](const TorrentReport& torrent) {
        if (!torrent.entry.paused) torrents_.change(torrent.index, {.paused = true});
    });
    return {};
}

TransmissionRpc::Json TransmissionRpc::torrent_verify(const RpcCall&, const RpcArguments& arguments) {
    each(arguments.ids(), [&](const TorrentReport& torrent) { torrents_.recheck(torrent.index); });
    return {};
}

/// Accepts any move: there is no queue for torrents to wait in.
TransmissionRpc::Json TransmissionRpc::queue_move(const RpcCall&, const RpcArguments& arguments) {
    (void)arguments.ids();
    return {};
}

TransmissionRpc::Json TransmissionRpc::refused_action(const RpcCall& call, const RpcArguments& arguments) {
    (void)arguments.ids();
    if (call.method == "torrent_rename_path")
        throw RpcError(RpcError::system_error, "btfs shows files by the names that the torrent gives them");
    throw RpcError(RpcError::system_error, "btfs does not move content: it stays in the cache");
}

}  // namespace btfs::cli
