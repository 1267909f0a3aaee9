#include "cli/rpc/transmission_rpc.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <exception>
#include <random>
#include <set>

#include "cli/process/failure.hpp"
#include "cli/rpc/torrent_fields.hpp"
#include "cli/sources/torrent_url.hpp"
#include "cli/text/base64.hpp"
#include "cli/text/labels.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/trimmed.hpp"
#include "engine/log/log.hpp"
#include "engine/metainfo/utf8.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;
using boost::json::array;
using boost::json::object;
using boost::json::value;

constexpr unsigned kOk = 200, kNoContent = 204, kMethodNotAllowed = 405, kConflict = 409, kTooLarge = 413;
constexpr const char* kSessionHeader = "X-Transmission-Session-Id";
constexpr std::uint32_t kMostLimit = 1'000'000'000;  ///< of a number that a client may set
/// Labels are shown, and are names of folders.
constexpr std::size_t kMostLabels = 32;
constexpr std::size_t kLongestLabel = 255;
/// Torrents of one answer for each of which the engine is asked by itself.
constexpr std::size_t kMostDetails = 8;

std::string new_session_id() {
    constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    constexpr std::size_t kLength = 48;
    std::random_device random;
    std::uniform_int_distribution<std::size_t> letter(0, kLetters.size() - 1);
    std::string id;
    while (id.size() < kLength) id += kLetters[letter(random)];
    return id;
}

std::int64_t wall_clock_s() {
    return AddedSources::now_ms() / 1000;
}

std::string checked_labels(const std::vector<std::string>& labels) {
    if (labels.size() > kMostLabels) throw RpcError(RpcError::invalid_params, "too many labels");
    for (const std::string& label : labels)
        if (trimmed(label).empty() || label.size() > kLongestLabel || label.find(',') != std::string::npos ||
            printable(label) != label)
            throw RpcError(RpcError::invalid_params,
                           "a label is a word or more, without commas and control characters");
    return label_text(labels_of(label_text(labels)));
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

void take_number(const RpcArguments& arguments, std::string_view key, std::uint32_t& to) {
    if (const auto number = arguments.integer(key, 0, kMostLimit)) to = static_cast<std::uint32_t>(*number);
}

void take_flag(const RpcArguments& arguments, std::string_view key, bool& to) {
    if (const auto flag = arguments.flag(key)) to = *flag;
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

/// Returns the path as clients have it: without a slash at its end.
fs::path plain(const fs::path& path) {
    const fs::path normal = path.lexically_normal();
    return normal.has_filename() ? normal : normal.parent_path();
}

TransmissionRpc::Options plain(TransmissionRpc::Options options) {
    options.mountpoint = plain(options.mountpoint);
    options.library = plain(options.library);
    return options;
}

/// True for the limits that may be changed.
bool is_rate(std::string_view name) {
    return name.starts_with("speed_limit_") || name == "alt_speed_enabled" || name == "alt_speed_down" ||
           name == "alt_speed_up";
}

/// Compares numbers by their values.
bool same(const value& one, const value& other) {
    if (one.is_number() && other.is_number()) return one.to_number<double>() == other.to_number<double>();
    if (one.is_bool() && other.is_number()) return one.get_bool() == (other.to_number<double>() != 0);
    return one == other;
}

}  // namespace

TransmissionRpc::TransmissionRpc(ServedTorrents& torrents, Options options)
    : torrents_(torrents),
      options_(plain(std::move(options))),
      session_id_(new_session_id()),
      rates_(SessionRates::of(options_.engine)) {}

RpcReply TransmissionRpc::handle(const RpcRequest& request) {
    RpcReply reply;
    reply.headers.emplace_back(kSessionHeader, session_id_);
    const auto with_text = [&](unsigned status, std::string text) {
        reply.status = status;
        reply.body = std::move(text);
        return reply;
    };
    if (!request.session_id || *request.session_id != session_id_) {
        reply.headers.emplace_back("X-Transmission-Rpc-Version", kVersion);
        return with_text(kConflict, "409: Conflict\nSend the request again with the header " +
                                        std::string(kSessionHeader) + " of this answer.\n");
    }
    if (request.method != "POST") {
        reply.headers.emplace_back("Allow", "POST");
        return with_text(kMethodNotAllowed, "405: Method Not Allowed\nRequests are POSTs.\n");
    }
    if (request.body.size() > kMaxRpcBody)
        return with_text(kTooLarge, "413: Content Too Large\nA torrent file has 64 MiB at most.\n");
    auto answer = answer_rpc(request.body, [this](const RpcCall& one) { return call(one); });
    reply.status = answer ? kOk : kNoContent;
    if (!answer) return reply;
    reply.body = std::move(*answer);
    reply.content_type = "application/json; charset=utf-8";
    return reply;
}

TransmissionRpc::Json TransmissionRpc::call(const RpcCall& call) {
    using Function = Json (TransmissionRpc::*)(const RpcCall&, const RpcArguments&);
    static const std::map<std::string_view, Function> kFunctions{
        {"blocklist_update", &TransmissionRpc::blocklist_update},
        {"free_space", &TransmissionRpc::free_space},
        {"group_get", &TransmissionRpc::group_get},
        {"group_set", &TransmissionRpc::group_set},
        {"port_test", &TransmissionRpc::port_test},
        {"queue_move_bottom", &TransmissionRpc::torrent_action},
        {"queue_move_down", &TransmissionRpc::torrent_action},
        {"queue_move_top", &TransmissionRpc::torrent_action},
        {"queue_move_up", &TransmissionRpc::torrent_action},
        {"session_close", &TransmissionRpc::session_close},
        {"session_get", &TransmissionRpc::session_get},
        {"session_set", &TransmissionRpc::session_set},
        {"session_stats", &TransmissionRpc::session_stats},
        {"torrent_add", &TransmissionRpc::torrent_add},
        {"torrent_get", &TransmissionRpc::torrent_get},
        {"torrent_reannounce", &TransmissionRpc::torrent_reannounce},
        {"torrent_remove", &TransmissionRpc::torrent_remove},
        {"torrent_rename_path", &TransmissionRpc::refused_action},
        {"torrent_set", &TransmissionRpc::torrent_set},
        {"torrent_set_location", &TransmissionRpc::refused_action},
        {"torrent_start", &TransmissionRpc::torrent_action},
        {"torrent_start_now", &TransmissionRpc::torrent_action},
        {"torrent_stop", &TransmissionRpc::refused_action},
        {"torrent_verify", &TransmissionRpc::refused_action},
    };
    const auto found = kFunctions.find(call.method);
    if (found == kFunctions.end())
        throw RpcError(RpcError::method_not_found, "method name not recognized: " + one_line(call.method));
    return (this->*found->second)(call, RpcArguments(call.params));
}

// ---- torrents ----

TransmissionRpc::Snapshot TransmissionRpc::snapshot() {
    Snapshot all{.torrents = torrents_.reports(),
                 .mount = {.download_dir = options_.mountpoint.string(),
                           .max_peers = options_.engine.max_peers,
                           .now_s = wall_clock_s()},
                 .recent = {}};
    all.recent = changes_.look(all.torrents, Clock::now(), all.mount.now_s);
    return all;
}

std::vector<std::size_t> TransmissionRpc::chosen(const Snapshot& snapshot, const RpcIds& ids) {
    std::vector<std::size_t> chosen;
    if (ids.kind != RpcIds::Kind::some) {
        const bool all = ids.kind == RpcIds::Kind::all;
        for (std::size_t i = 0; i < snapshot.torrents.size(); ++i)
            if (all || snapshot.recent.changed.contains(snapshot.torrents[i].index)) chosen.push_back(i);
        return chosen;
    }
    std::set<std::int64_t> numbers;
    std::set<std::string> hashes;
    for (const auto& id : ids.some) {
        if (const auto* const number = std::get_if<std::int64_t>(&id)) {
            numbers.insert(*number);
        } else {
            std::string hash = std::get<std::string>(id);
            for (char& c : hash) c = static_cast<char>('A' <= c && c <= 'F' ? c - 'A' + 'a' : c);
            hashes.insert(std::move(hash));
        }
    }
    for (std::size_t i = 0; i < snapshot.torrents.size(); ++i) {
        const TorrentReport& torrent = snapshot.torrents[i];
        if (numbers.contains(TorrentView::rpc_id(torrent.index)) ||
            (!torrent.entry.info_hash.empty() && hashes.contains(torrent.entry.info_hash)))
            chosen.push_back(i);
    }
    return chosen;
}

void TransmissionRpc::each(const RpcIds& ids, const std::function<void(const TorrentReport&)>& act) {
    const Snapshot all = snapshot();
    std::exception_ptr first;
    for (const std::size_t i : chosen(all, ids)) {
        try {
            act(all.torrents[i]);
        } catch (const TorrentHasGone&) {
            continue;
        } catch (const std::exception&) {
            if (!first) first = std::current_exception();
        }
    }
    if (first) std::rethrow_exception(first);
}

TransmissionRpc::Json TransmissionRpc::torrent_get(const RpcCall& call, const RpcArguments& arguments) {
    const auto names = arguments.texts("fields");
    if (!names || names->empty()) throw RpcError(RpcError::invalid_params, "no fields specified");
    const std::string format = arguments.text("format").value_or("objects");
    if (format != "objects" && format != "table")
        throw RpcError(RpcError::invalid_params, "format is neither objects nor table");
    // Each key once, in the style in which the client writes it.
    std::vector<std::pair<std::string, const TorrentField*>> fields;
    std::set<std::string> keys;
    for (const std::string& name : *names)
        if (const TorrentField* field = find_torrent_field(snake_case(name));
            field && keys.insert(name).second)
            fields.emplace_back(name, field);

    const RpcIds ids = arguments.ids();
    const Snapshot all = snapshot();
    const RecentChanges::Recent& recent = all.recent;
    const std::vector<std::size_t> places = chosen(all, ids);

    std::map<Roster::Index, ContentReport> contents;
    std::map<Roster::Index, std::uint64_t> pinned_left;
    std::vector<Roster::Index> with_content, in_part;
    const bool need_content =
        std::ranges::any_of(fields, [](const auto& field) { return field.second->needs_content; });
    for (const std::size_t i : places) {
        if (need_content) {
            with_content.push_back(all.torrents[i].index);
        } else if (needs_pinned_left(all.torrents[i].entry)) {
            in_part.push_back(all.torrents[i].index);
        }
    }
    std::map<Roster::Index, DetailsReport> details;
    if (places.size() <= kMostDetails &&
        std::ranges::any_of(fields, [](const auto& field) { return field.second->needs_details; })) {
        for (const std::size_t i : places)
            if (auto found = torrents_.details_by_hash(all.torrents[i].entry.info_hash))
                details.emplace(all.torrents[i].index, std::move(*found));
    }
    if (!with_content.empty()) contents = torrents_.contents(with_content);
    if (!in_part.empty()) pinned_left = torrents_.pinned_left(in_part);

    array rows;
    rows.reserve(places.size() + 1);
    const bool is_table = format == "table";
    if (is_table) {
        array header;
        for (const auto& [key, field] : fields) header.emplace_back(key);
        rows.emplace_back(std::move(header));
    }
    for (const std::size_t i : places) {
        const TorrentReport& torrent = all.torrents[i];
        const auto content = contents.find(torrent.index);
        const auto left = pinned_left.find(torrent.index);
        const auto detailed = details.find(torrent.index);
        const auto active = recent.active_s.find(torrent.index);
        TorrentView view{torrent, all.mount};
        if (content != contents.end()) {
            view.content = &content->second;
            view.pinned_left = content->second.pinned_left;
        }
        if (detailed != details.end()) view.details = &detailed->second;
        if (left != pinned_left.end()) view.pinned_left = left->second;
        if (active != recent.active_s.end()) view.active_s = active->second;
        if (is_table) {
            array row;
            row.reserve(fields.size());
            for (const auto& [key, field] : fields) row.push_back(field->get(view, call.form));
            rows.emplace_back(std::move(row));
        } else {
            object row;
            row.reserve(fields.size());
            for (const auto& [key, field] : fields) row.emplace(key, field->get(view, call.form));
            rows.emplace_back(std::move(row));
        }
    }
    Json result{{"torrents", std::move(rows)}};
    if (ids.kind == RpcIds::Kind::recently_active) {
        array removed;
        for (const Roster::Index index : recent.removed) removed.push_back(TorrentView::rpc_id(index));
        result["removed"] = std::move(removed);
    }
    return result;
}

std::string TransmissionRpc::download_dir() const {
    return options_.library.empty() ? options_.mountpoint.string() : options_.library.string();
}

/// Returns the label that a download folder stands for: its last component, if it lies in the library or the
/// mount. Throws RpcError for any other folder.
std::string TransmissionRpc::label_of(const std::string& download_dir) const {
    const fs::path folder = plain(fs::path(download_dir));
    if (!folder.is_absolute())
        throw RpcError(RpcError::path_not_absolute, "download-dir is not an absolute path");
    for (const fs::path& parent : {options_.library, options_.mountpoint}) {
        if (parent.empty()) continue;
        if (folder == parent) return {};
        if (std::ranges::mismatch(parent, folder).in1 == parent.end()) return folder.filename().string();
    }
    throw RpcError(RpcError::invalid_params, "download-dir lies outside of " + this->download_dir() +
                                                 ": content stays in the cache, and is shown there");
}

TransmissionRpc::Json TransmissionRpc::torrent_add(const RpcCall& call, const RpcArguments& arguments) {
    AddedSources::Source source;
    source.added_ms = AddedSources::now_ms();
    if (const auto file = arguments.text("metainfo"); file && !file->empty()) {
        auto bytes = from_base64(*file);
        if (!bytes) throw RpcError(RpcError::invalid_params, "metainfo is no base64");
        source.content = std::move(*bytes);
    } else if (const auto link = arguments.text("filename"); link && !link->empty()) {
        // A path of this machine is not read: whoever reaches the RPC may not be who may read it.
        if (fs::path(*link).is_absolute())
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
    TorrentChange::Files wanted = files_of(arguments, "files_wanted");
    source.pinned_whole = wanted.all;
    const TorrentChange change{.pin = std::move(wanted), .unpin = files_of(arguments, "files_unwanted")};

    AddReport added;
    try {
        added = torrents_.add_source(std::move(source));
    } catch (const Failure& failure) {
        throw RpcError(RpcError::unrecognized_source, failure.what());
    }
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
    for (const char* key : {"tracker_add", "tracker_list", "tracker_remove", "tracker_replace"})
        if (arguments.find(key))
            throw RpcError(RpcError::invalid_params, "the trackers of a torrent cannot be changed");
    if (arguments.find("location")) throw RpcError(RpcError::invalid_params, "content stays in the cache");
    const auto labels = arguments.texts("labels");
    TorrentChange change{.pin = files_of(arguments, "files_wanted"),
                         .unpin = files_of(arguments, "files_unwanted")};
    if (labels) change.label = checked_labels(*labels);
    each(arguments.ids(), [&](const TorrentReport& torrent) {
        const TorrentLimits limits = with_limits(torrent.entry.limits, arguments);
        change.limits = limits == torrent.entry.limits ? std::nullopt : std::optional(limits);
        torrents_.change(torrent.index, change);
    });
    return {};
}

TransmissionRpc::Json TransmissionRpc::torrent_reannounce(const RpcCall&, const RpcArguments& arguments) {
    const Snapshot all = snapshot();
    for (const std::size_t i : chosen(all, arguments.ids())) torrents_.want_peers(all.torrents[i].index);
    return {};
}

/// What is so anyway: every torrent is started, and there is no queue for it to wait in.
TransmissionRpc::Json TransmissionRpc::torrent_action(const RpcCall&, const RpcArguments& arguments) {
    (void)arguments.ids();
    return {};
}

TransmissionRpc::Json TransmissionRpc::refused_action(const RpcCall& call, const RpcArguments& arguments) {
    (void)arguments.ids();
    if (call.method == "torrent_stop")
        throw RpcError(
            RpcError::system_error,
            "btfs does not stop torrents: what is not wanted is fetched when somebody reads it, and "
            "never else");
    if (call.method == "torrent_rename_path")
        throw RpcError(RpcError::system_error, "btfs shows files by the names that the torrent gives them");
    if (call.method == "torrent_verify")
        throw RpcError(
            RpcError::system_error,
            "btfs verifies what it has when it is first read or uploaded; btfs cache verify looks at "
            "all that nobody uses");
    throw RpcError(RpcError::system_error, "btfs does not move content: it stays in the cache");
}

// ---- the session ----

SessionFacts TransmissionRpc::session_facts() {
    const MountReport report = torrents_.report();
    std::lock_guard lock(rates_mutex_);
    return {.download_dir = download_dir(),
            .session_id = session_id_,
            .free_bytes = torrents_.cache_space().free,
            .peer_port = report.port,
            .filters_addresses = static_cast<bool>(options_.reread_filter),
            .engine = options_.engine,
            .rates = rates_};
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

/// Changes the limits of rates, and accepts what is so already. The rest follows from the options of the
/// mount.
TransmissionRpc::Json TransmissionRpc::session_set(const RpcCall& call, const RpcArguments& arguments) {
    const Json all = session_fields(session_facts(), call.form);
    std::string refused;
    for (const auto& [name, given] : arguments.all()) {
        const value* const present = all.if_contains(name);
        if (!present || is_read_only(name) || is_rate(name) || same(*present, *given)) continue;
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
    if (rates == rates_) return {};
    if (rates.download() == 0)
        throw RpcError(RpcError::invalid_params, "with a download limit of 0 no file could be read");
    const bool uploads = options_.engine.uploads;
    if (!uploads && (rates.up != rates_.up || rates.alternative_up_kB != rates_.alternative_up_kB))
        throw RpcError(RpcError::system_error,
                       "the mount uploads nothing (--no-upload): it has no upload limit to change");
    rates_ = rates;
    torrents_.set_rate_limits(uploads ? rates.upload() : options_.engine.upload_limit, rates.download());
    return {};
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
            {camel_name(call.form, "downloaded_bytes"), report.totals.received},
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

TransmissionRpc::Json TransmissionRpc::blocklist_update(const RpcCall&, const RpcArguments&) {
    if (!options_.reread_filter) throw RpcError(RpcError::system_error, "the mount has no --ip-filter");
    options_.reread_filter();
    throw RpcError(RpcError::system_error,
                   "the file of --ip-filter is being reread; the log says how many ranges it has");
}

TransmissionRpc::Json TransmissionRpc::group_get(const RpcCall&, const RpcArguments&) {
    return {{"group", array{}}};
}

TransmissionRpc::Json TransmissionRpc::group_set(const RpcCall&, const RpcArguments&) {
    throw RpcError(RpcError::system_error, "btfs has no bandwidth groups");
}

}  // namespace btfs::cli
