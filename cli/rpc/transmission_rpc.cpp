#include "cli/rpc/transmission_rpc.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <exception>
#include <random>
#include <set>

#include "cli/rpc/torrent_fields.hpp"
#include "cli/text/one_line.hpp"
#include "engine/core/secret.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;
using boost::json::array;
using boost::json::object;
using boost::json::value;

constexpr unsigned kOk = 200, kNoContent = 204, kMethodNotAllowed = 405, kConflict = 409, kTooLarge = 413;
constexpr const char* kSessionHeader = "X-Transmission-Session-Id";
/// Torrents of one answer for each of which the engine is asked by itself.
constexpr std::size_t kMostDetails = 8;
/// Torrents of one answer whose trackers the engine is asked for at once, which takes it 5 us for each.
constexpr std::size_t kMostWithTrackers = 1000;

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
    if (!request.session_id || !is_same_secret(session_id_, *request.session_id)) {
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
        {"queue_move_bottom", &TransmissionRpc::queue_move},
        {"queue_move_down", &TransmissionRpc::queue_move},
        {"queue_move_top", &TransmissionRpc::queue_move},
        {"queue_move_up", &TransmissionRpc::queue_move},
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
        {"torrent_start", &TransmissionRpc::torrent_start},
        {"torrent_start_now", &TransmissionRpc::torrent_start},
        {"torrent_stop", &TransmissionRpc::torrent_stop},
        {"torrent_verify", &TransmissionRpc::torrent_verify},
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
                           .now_s = wall_clock_s(),
                           .now = Clock::now()},
                 .recent = {}};
    all.recent = changes_.look(all.torrents, all.mount.now, all.mount.now_s);
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
        } catch (const std::exception&) {
            // A torrent that has gone since the snapshot is no failure.
            if (!first && torrents_.has(all.torrents[i].index)) first = std::current_exception();
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
    std::map<Roster::Index, std::vector<tracker::TrackerStatus>> trackers;
    if (places.size() <= kMostWithTrackers &&
        std::ranges::any_of(fields, [](const auto& field) { return field.second->needs_trackers; })) {
        std::vector<Roster::Index> asked;
        for (const std::size_t i : places) asked.push_back(all.torrents[i].index);
        trackers = torrents_.trackers(asked);
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
        const auto tracked = trackers.find(torrent.index);
        const auto active = recent.active_s.find(torrent.index);
        TorrentView view{torrent, all.mount};
        if (content != contents.end()) {
            view.content = &content->second;
            view.pinned_left = content->second.pinned_left;
        }
        if (detailed != details.end()) view.details = &detailed->second;
        if (tracked != trackers.end()) view.trackers = &tracked->second;
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

}  // namespace btfs::cli
