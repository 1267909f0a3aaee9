#include "engine/net/http_client.hpp"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <vector>

#include "engine/core/ascii.hpp"
#include "engine/http/content_coding.hpp"
#include "engine/http/http_url.hpp"
#include "engine/http/reply_parser.hpp"

namespace btfs::net {
namespace {

using http::HttpUrl;

constexpr std::string_view kMagnetScheme = "magnet:";
constexpr std::size_t kReadSize = 16 * 1024;

struct ReadLimits {
    TimePoint deadline;
    std::optional<Duration> stall_timeout;
    std::size_t max_body_size;

    TimePoint next() const {
        return stall_timeout ? std::min(deadline, Clock::now() + *stall_timeout) : deadline;
    }
};

/// Outcome of one connection: a response or a redirect.
struct Hop {
    HttpResponse response;
    std::optional<std::string> location;
    bool from_public = false;
};

bool is_magnet(std::string_view location) {
    return location.size() > kMagnetScheme.size() &&
           equal_without_case(location.substr(0, kMagnetScheme.size()), kMagnetScheme);
}

std::optional<std::string> location_of(const http::ReplyParser& parser) {
    if (!parser.header_done()) return std::nullopt;
    return redirect_location(parser.status(), parser.field("location"));
}

Result<Hop> hop_of(http::ReplyParser& parser, std::size_t max_body_size) {
    Hop hop;
    hop.response.status = parser.status();
    hop.location = location_of(parser);
    if (hop.location) return hop;
    const std::string coding(parser.field("content-encoding").value_or(""));
    auto body = http::decoded_body(parser.take_body(), coding, max_body_size);
    if (!body) return body.error();
    hop.response.body = std::move(*body);
    return hop;
}

/// Sends the request and reads the response.
Awaitable<Result<Hop>> exchange(HttpConnection& connection, std::string request, ReadLimits limits) {
    if (const Error error = co_await connection.write(std::move(request), limits.deadline)) co_return error;
    http::ReplyParser parser(
        {.max_header_size = HttpClient::kMaxHeaderSize, .max_body_size = limits.max_body_size});
    std::vector<char> chunk(kReadSize);
    while (!parser.done() && !location_of(parser)) {
        const auto size = co_await connection.read(chunk, limits.next());
        if (!size) co_return size.error();
        const Error wrong = *size == 0 ? parser.feed_end() : parser.feed({chunk.data(), *size});
        if (wrong && !location_of(parser)) co_return wrong;
    }
    co_return hop_of(parser, limits.max_body_size);
}

}  // namespace

/// GET request with all its redirects. Lives in the coroutine's frame.
class HttpClient::Exchange {
  public:
    Exchange(HttpClient& client, HttpRequest request)
        : client_(client),
          request_(std::move(request)),
          deadline_(Clock::now() + request_.timeout),
          access_(request_.local_access) {}

    Awaitable<Result<HttpResponse>> run() {
        auto url = HttpUrl::parse(request_.url);
        if (!url) co_return url.error();
        for (unsigned redirects = 0;; ++redirects) {
            Result<Hop> hop = co_await fetch(*url);
            if (!hop) co_return hop.error();
            if (!hop->location) {
                hop->response.final_url = url->text;
                co_return std::move(hop->response);
            }
            if (is_magnet(*hop->location)) {
                hop->response.final_url = std::move(*hop->location);
                co_return std::move(hop->response);
            }
            if (redirects == kMaxRedirects) co_return make_error_code(Errc::http_too_many_redirects);
            auto next = url->resolved(*hop->location);
            if (!next) co_return make_error_code(Errc::http_malformed);
            if (url->https && !next->https) co_return make_error_code(Errc::http_redirect_insecure);
            redirected_from(hop->from_public);
            url = std::move(next);
        }
    }

  private:
    /// Forbids local addresses once a public server has redirected the request: a public server must not
    /// direct requests into a local network. A server in the local network can reach that network itself, so
    /// its redirects may lead there.
    void redirected_from(bool from_public) {
        came_from_public_ = came_from_public_ || from_public;
        access_ = came_from_public_ ? http::LocalAccess::nothing : http::LocalAccess::everything;
    }

    Awaitable<Result<Hop>> fetch(const HttpUrl& url) {
        HttpConnector::Target target{url, request_.families, access_, request_.look_up};
        auto connection = co_await client_.connector_.connect(std::move(target), deadline_);
        if (!connection && connection.error() == Errc::http_local_refused && came_from_public_)
            co_return make_error_code(Errc::http_redirect_refused);
        if (!connection) co_return connection.error();
        Result<Hop> hop = co_await exchange(**connection, request_for(url, **connection), limits());
        if (!hop) co_return hop.error();
        hop->from_public = http::is_public((*connection)->address());
        hop->response.server = (*connection)->address();
        co_return hop;
    }

    ReadLimits limits() const { return {deadline_, request_.stall_timeout, request_.max_body_size}; }

    std::string request_for(const HttpUrl& url, const HttpConnection& connection) const {
        std::string text = connection.request_head(url) + "User-Agent: " + client_.options_.user_agent +
                           "\r\nAccept: */*\r\nConnection: close\r\n";
        if (!url.credentials.empty()) text += "Authorization: " + url.authorization() + "\r\n";
        return text + "Accept-Encoding: gzip, deflate\r\n\r\n";
    }

    HttpClient& client_;
    const HttpRequest request_;
    const TimePoint deadline_;
    http::LocalAccess access_;
    bool came_from_public_ = false;
};

HttpClient::HttpClient(Connector& connector, Options options)
    : options_(std::move(options)), connector_(connector, options_.ca_file) {}

Awaitable<Result<HttpResponse>> HttpClient::get(HttpRequest request) {
    Exchange exchange(*this, std::move(request));
    Result<HttpResponse> response = co_await exchange.run();
    co_return response;
}

}  // namespace btfs::net
