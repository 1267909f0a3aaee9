#include "cli/web/web_service.hpp"

#include <optional>
#include <span>

#include "cli/process/failure.hpp"
#include "cli/web/stream_token.hpp"

namespace btfs::cli {
namespace {

/// transmission-remote writes the second.
constexpr const char* kRpcPaths[] = {"/transmission/rpc", "/transmission/rpc/"};

WebSite::Options site_options(const WebSetting& setting, const std::filesystem::path& state) {
    WebSite::Options options = setting.site;
    options.token = stream_token(state);
    return options;
}

WebReply answer(TransmissionRpc& rpc, const WebRequest& request) {
    const auto session_id = request.session_id.empty() ? std::nullopt : std::optional(request.session_id);
    RpcReply reply = rpc.handle({.method = request.method, .session_id = session_id, .body = request.body});
    return {.status = reply.status,
            .content_type = std::move(reply.content_type),
            .body = std::move(reply.body),
            .headers = std::move(reply.headers)};
}

}  // namespace

WebService::WebService(const WebSetting& setting, ServedTorrents& torrents,
                       const std::filesystem::path& state, TransmissionRpc::Options rpc)
    : site_(torrents, site_options(setting, state)), rpc_(torrents, std::move(rpc)) {
    for (const char* const path :
         setting.site.control ? std::span(kRpcPaths) : std::span<const char* const>())
        site_.add(path, WebSite::Methods::any,
                  [this](const WebRequest& request) { return answer(rpc_, request); });
    auto opened = WebServer::open(setting.where, site_);
    if (!opened) throw Failure("--web " + setting.where.text(), opened.error());
    server_ = std::move(*opened);
}

}  // namespace btfs::cli
