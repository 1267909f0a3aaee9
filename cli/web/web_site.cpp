#include "cli/web/web_site.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "cli/process/failure.hpp"
#include "cli/service/details_json.hpp"
#include "cli/service/metrics_text.hpp"
#include "cli/service/status_json.hpp"
#include "cli/text/bounded_memory.hpp"
#include "cli/text/one_line.hpp"
#include "cli/web/page_files.hpp"
#include "cli/web/stream_places.hpp"
#include "engine/core/secret.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

constexpr const char* kJson = "application/json";
constexpr std::string_view kTorrents = "/api/torrents/";
constexpr std::size_t kMaxJsonDepth = 16;
/// Memory for the values of a request, which are one long text, if anything.
constexpr std::size_t kJsonMemory = std::size_t{1} << 20, kJsonMemoryTimes = 3;

WebReply plain(unsigned status, std::string text) {
    return {.status = status, .body = std::move(text) + '\n'};
}

WebReply json_reply(unsigned status, const boost::json::object& json) {
    return {.status = status,
            .content_type = kJson,
            .body = boost::json::serialize(json),
            .headers = {{"Cache-Control", "no-store"}}};
}

WebReply nothing_here() {
    return plain(404, "there is nothing at this path");
}

bool is_json(std::string_view content_type) {
    return content_type.substr(0, content_type.find(';')) == kJson;
}

WebReply wrong_method(const char* allowed) {
    WebReply reply = plain(405, "this path takes another method");
    reply.headers.emplace_back("Allow", allowed);
    return reply;
}

WebReply page_reply(const PageFile& file) {
    return {.content_type = std::string(file.content_type),
            .body = std::string(file.content),
            .headers = {{"Cache-Control", "no-cache"},
                        {"Content-Security-Policy",
                         "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; style-src 'self' "
                         "'unsafe-inline'; "
                         "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"}}};
}

std::optional<std::string_view> behind(std::string_view path, std::string_view prefix) {
    if (!path.starts_with(prefix)) return std::nullopt;
    return path.substr(prefix.size());
}

/// The same of a prefix with a token, which whoever measures the time does not learn.
std::optional<std::string_view> behind_secret(std::string_view path, std::string_view prefix) {
    if (!is_same_secret(prefix, path.substr(0, prefix.size()))) return std::nullopt;
    return path.substr(prefix.size());
}

}  // namespace

WebSite::WebSite(ServedTorrents& torrents, Options options)
    : torrents_(torrents),
      control_(torrents),
      streams_("/stream/" + options.token + '/'),
      playlists_("/playlist/" + options.token + '/'),
      names_(std::move(options.names)),
      gate_(options.password) {
    if (options.control)
        add("/api/control", Methods::any, [this](const WebRequest& request) { return control(request); });
    add("/api/status", Methods::reading, [this](const WebRequest&) { return status(); });
    add("/metrics", Methods::reading, [this](const WebRequest&) {
        return WebReply{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                        .body = metrics_text(torrents_.report())};
    });
    for (const PageFile& file : page_files())
        add(std::string(file.path), Methods::reading,
            [&file](const WebRequest&) { return page_reply(file); });
}

std::optional<WebReply> WebSite::refuse(const WebRequest& request, TimePoint now) {
    if (!is_own_host(request.origin.host, names_))
        return plain(421, "this host is not called that; --web-name NAME allows a name");
    if (behind_secret(request.path, streams_) || behind_secret(request.path, playlists_)) return std::nullopt;
    const bool may_be_shown = request.is_read() && !request.path.starts_with("/api/");
    if (!may_be_shown && is_cross_site(request.origin))
        return plain(403, "a page of another site may ask nothing here");
    const PasswordGate::Client client{request.client, request.client != request.from};
    std::lock_guard lock(gate_mutex_);
    switch (gate_.check(request.authorization, client, now)) {
        case PasswordGate::Verdict::open:
            return std::nullopt;
        case PasswordGate::Verdict::closed: {
            WebReply reply = plain(401, "the password is missing or wrong");
            reply.headers.emplace_back("WWW-Authenticate", "Basic realm=\"btfs\", charset=\"UTF-8\"");
            return reply;
        }
        case PasswordGate::Verdict::too_soon:
            break;
    }
    WebReply reply = plain(429, "too many wrong passwords; wait a moment");
    reply.headers.emplace_back("Retry-After", fmt::format("{:.0f}", 1 + seconds(gate_.wait_of(client, now))));
    return reply;
}

WebReply WebSite::answer(const WebRequest& request) {
    if (const auto path = behind_secret(request.path, playlists_)) return make_playlist(*path, request);
    if (is_events(request)) return wrong_method("GET");  // GET was answered elsewhere
    const auto place = places_.find(request.path);
    const auto torrent = behind(request.path, kTorrents);
    if (place == places_.end() && !torrent) return nothing_here();
    if ((torrent || place->second.methods == Methods::reading) && !request.is_read())
        return wrong_method("GET, HEAD");
    try {
        return torrent ? details(*torrent) : place->second.handler(request);
    } catch (const Failure& failure) {
        return json_reply(400, {{"error", failure.what()}});
    } catch (const std::bad_alloc&) {
        return json_reply(413, {{"error", "the request is too large"}});
    } catch (const std::exception& failure) {
        log::warn("web: {}: {}", one_line(request.path), failure.what());
        return json_reply(500, {{"error", "it could not be answered; the log says why"}});
    }
}

std::optional<std::string_view> WebSite::stream_path(const WebRequest& request) const {
    return behind_secret(request.path, streams_);
}

std::optional<WebReply> WebSite::refuse_body(const WebRequest& request) const {
    const auto place = places_.find(request.path);
    if (place != places_.end() && place->second.methods == Methods::any) return std::nullopt;
    const bool is_known = place != places_.end() || is_events(request) || behind(request.path, kTorrents) ||
                          behind_secret(request.path, streams_) || behind_secret(request.path, playlists_);
    return is_known ? plain(413, "a request for this path has no body") : nothing_here();
}

WebReply WebSite::control(const WebRequest& request) {
    if (request.method != "POST") return wrong_method("POST");
    // A page of another site cannot send this type without asking first, which is never granted.
    if (!is_json(request.content_type)) return plain(415, "send application/json");
    boost::system::error_code error;
    BoundedMemory memory(kJsonMemory + kJsonMemoryTimes * request.body.size());
    const auto parsed = boost::json::parse(request.body, error, &memory, {.max_depth = kMaxJsonDepth});
    if (error || !parsed.is_object()) return json_reply(400, {{"error", "the request is no JSON object"}});
    return json_reply(200, control_.handle(parsed.get_object()));
}

WebReply WebSite::status() {
    return json_reply(200, with_places(mount_json(torrents_.report())));
}

WebReply WebSite::details(std::string_view info_hash) {
    const auto details = torrents_.details_by_hash(std::string(info_hash));
    if (!details) return json_reply(404, {{"error", "the mount has no such torrent"}});
    return json_reply(200, with_places(torrent_details_json(*details)));
}

boost::json::object WebSite::with_places(boost::json::object json) const {
    json["streams"] = streams_;
    json["playlists"] = playlists_;
    return json;
}

WebReply WebSite::make_playlist(std::string_view path, const WebRequest& request) {
    if (!request.is_read()) return wrong_method("GET, HEAD");
    const Filesystem& files = torrents_.filesystem();
    while (path.ends_with('/')) path.remove_suffix(1);
    const auto place = find_place(files, path);
    if (!place) return plain(404, "there is no such folder");
    std::string base = fmt::format("{}://{}{}{}", client_scheme(request.from, request.forwarded_scheme),
                                   request.origin.host, streams_, path);
    if (base.ends_with('/')) base.pop_back();
    return {.content_type = "audio/x-mpegurl",
            .body = playlist(files, *place, base),
            .headers = {{"Content-Disposition", "attachment; filename=\"btfs.m3u\""}}};
}

}  // namespace btfs::cli
