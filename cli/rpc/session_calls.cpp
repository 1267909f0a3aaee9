// TransmissionRpc: requests about the session: its settings, limits, statistics and disk.
#include "cli/rpc/transmission_rpc.hpp"

#include <boost/json.hpp>
#include <optional>

#include "cli/process/failure.hpp"

namespace btfs::cli {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

/// True for what may be changed until the end of the mount: limits of rates, and whether torrents that are
/// added start.
bool is_changeable(std::string_view name) {
    return name.starts_with("speed_limit_") || name == "alt_speed_enabled" || name == "alt_speed_down" ||
           name == "alt_speed_up" || name == "start_added_torrents";
}

/// Compares numbers by their values.
bool same(const value& one, const value& other) {
    if (one.is_number() && other.is_number()) return one.to_number<double>() == other.to_number<double>();
    if (one.is_bool() && other.is_number()) return one.get_bool() == (other.to_number<double>() != 0);
    return one == other;
}

}  // namespace

SessionFacts TransmissionRpc::session_facts() {
    const MountReport report = torrents_.report();
    const CacheSpace space = torrents_.cache_space();  // waits for the disk
    std::lock_guard lock(rates_mutex_);
    return {.download_dir = download_dir(),
            .session_id = session_id_,
            .free_bytes = space.free,
            .peer_port = report.port,
            .filtered_ranges = options_.ip_filter.range_count
                                   ? std::optional(options_.ip_filter.range_count())
                                   : std::nullopt,
            .engine = options_.engine,
            .rates = rates_,
            .starts_added = starts_added_};
}

TransmissionRpc::Json TransmissionRpc::session_get(const RpcCall& call, const RpcArguments& arguments) {
    const Json all = session_fields(session_facts(), call.form);
    Json result;
    if (const auto names = arguments.texts("fields")) {
        for (const std::string& name : *names)
            if (const value* const found = all.if_contains(snake_case(name)))
                result.insert_or_assign(name, *found);
        return result;
    }
    for (const auto& [name, field] : all) result.emplace(dashed_name(call.form, name), field);
    return result;
}

/// Changes the limits of rates and whether added torrents start, and accepts what is so already. The rest
/// follows from the options of the mount.
TransmissionRpc::Json TransmissionRpc::session_set(const RpcCall& call, const RpcArguments& arguments) {
    const Json all = session_fields(session_facts(), call.form);
    std::string refused;
    for (const auto& [name, given] : arguments.all()) {
        const value* const present = all.if_contains(name);
        if (!present || is_read_only(name) || is_changeable(name) || same(*present, *given)) continue;
        refused += (refused.empty() ? "" : ", ") + dashed_name(call.form, name);
    }
    if (!refused.empty())
        throw RpcError(RpcError::system_error, "cannot be changed while the mount stands: " + refused);
    std::lock_guard lock(rates_mutex_);
    SessionRates rates = rates_;
    take_flag(arguments, "speed_limit_down_enabled", rates.down.is_on);
    take_number(arguments, "speed_limit_down", rates.down.kB);
    take_flag(arguments, "speed_limit_up_enabled", rates.up.is_on);
    take_number(arguments, "speed_limit_up", rates.up.kB);
    take_flag(arguments, "alt_speed_enabled", rates.alternative_is_on);
    take_number(arguments, "alt_speed_down", rates.alternative_down_kB);
    take_number(arguments, "alt_speed_up", rates.alternative_up_kB);
    bool starts_added = starts_added_;
    take_flag(arguments, "start_added_torrents", starts_added);
    if (rates != rates_) set_rates(rates);
    starts_added_ = starts_added;
    return {};
}

void TransmissionRpc::set_rates(const SessionRates& rates) {
    const bool uploads = options_.engine.uploads;
    if (!uploads && (rates.up != rates_.up || rates.alternative_up_kB != rates_.alternative_up_kB))
        throw RpcError(RpcError::system_error,
                       "the mount uploads nothing (--no-upload): it has no upload limit to change");
    rates_ = rates;
    torrents_.set_rate_limits(uploads ? rates.upload() : options_.engine.upload_limit, rates.download());
}

TransmissionRpc::Json TransmissionRpc::session_stats(const RpcCall& call, const RpcArguments&) {
    const MountReport report = torrents_.report();
    double down = 0, up = 0;
    std::int64_t paused = 0, files = 0;
    const Snapshot all = snapshot();
    for (const TorrentReport& torrent : all.torrents) {
        const TorrentView view{torrent, all.mount};
        paused += view.status() == RpcStatus::stopped;
        files += view.facts().file_count;
        down += view.engine().rates.down;
        up += view.engine().rates.up;
    }
    const auto count = static_cast<std::int64_t>(all.torrents.size());
    const auto stats = [&] {
        return object{
            {camel_name(call.form, "uploaded_bytes"), report.totals.sent},
            {camel_name(call.form, "downloaded_bytes"), report.totals.received.sum()},
            {camel_name(call.form, "files_added"), files},
            {camel_name(call.form, "seconds_active"), static_cast<std::int64_t>(seconds(report.age))},
            {camel_name(call.form, "session_count"), 1}};
    };
    // No run before this one is counted.
    return {{camel_name(call.form, "active_torrent_count"), count - paused},
            {camel_name(call.form, "paused_torrent_count"), paused},
            {camel_name(call.form, "torrent_count"), count},
            {camel_name(call.form, "download_speed"), static_cast<std::int64_t>(down)},
            {camel_name(call.form, "upload_speed"), static_cast<std::int64_t>(up)},
            {dashed_name(call.form, "cumulative_stats"), stats()},
            {dashed_name(call.form, "current_stats"), stats()}};
}

TransmissionRpc::Json TransmissionRpc::session_close(const RpcCall&, const RpcArguments&) {
    options_.close();
    return {};
}

TransmissionRpc::Json TransmissionRpc::free_space(const RpcCall& call, const RpcArguments& arguments) {
    const auto path = arguments.text("path");
    if (!path || path->empty()) throw RpcError(RpcError::invalid_params, "no path specified");
    (void)label_of(*path);  // of no other folder, since none of them takes content
    const CacheSpace space = torrents_.cache_space();
    return {{"path", *path},
            {dashed_name(call.form, "size_bytes"), space.free},
            {dashed_name(call.form, "total_size"), space.total}};
}

/// A peer that came from outside proves that the port is open. Nobody else is asked.
TransmissionRpc::Json TransmissionRpc::port_test(const RpcCall& call, const RpcArguments& arguments) {
    const std::string protocol = arguments.text("ip_protocol").value_or("");
    if (!protocol.empty() && protocol != "ipv4" && protocol != "ipv6")
        throw RpcError(RpcError::invalid_params, "ip_protocol is neither ipv4 nor ipv6");
    const Snapshot all = snapshot();
    for (const TorrentReport& torrent : all.torrents) {
        if (!torrent.status) continue;
        for (const PeerStatus& peer : torrent.status->connections) {
            const Address& address = peer.endpoint.address;
            const char* const family = address.is_v4() ? "ipv4" : "ipv6";
            const bool is_far = !address.is_private() && !address.is_loopback();
            if (peer.incoming && is_far && (protocol.empty() || protocol == family))
                return {{dashed_name(call.form, "port_is_open"), true}, {"ip_protocol", family}};
        }
    }
    throw RpcError(RpcError::system_error,
                   "not known: no peer from outside is connected to the port at present, and btfs asks no "
                   "service on the Internet");
}

/// Rereads the file, which is the user's: btfs fetches no list.
TransmissionRpc::Json TransmissionRpc::blocklist_update(const RpcCall& call, const RpcArguments&) {
    if (!options_.ip_filter.reread) throw RpcError(RpcError::system_error, "the mount has no --ip-filter");
    try {
        return {{dashed_name(call.form, "blocklist_size"), options_.ip_filter.reread()}};
    } catch (const Failure& failure) {
        throw RpcError(RpcError::system_error,
                       std::string(failure.what()) + "; the filter of before stays in force");
    }
}

TransmissionRpc::Json TransmissionRpc::group_get(const RpcCall&, const RpcArguments&) {
    return {{"group", array{}}};
}

TransmissionRpc::Json TransmissionRpc::group_set(const RpcCall&, const RpcArguments&) {
    throw RpcError(RpcError::system_error, "btfs has no bandwidth groups");
}

}  // namespace btfs::cli
