#include "engine/net/http_client.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cassert>
#include <vector>

#include "engine/http/content_coding.hpp"
#include "engine/http/http_url.hpp"
#include "engine/http/reply_parser.hpp"
#include "engine/net/closing_timer.hpp"
#include "engine/net/connect_to_first.hpp"

namespace btfs::net {
namespace asio = boost::asio;
namespace {

using asio::ip::tcp;
using http::HttpUrl;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
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

bool is_redirect(unsigned status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_magnet(std::string_view location) {
    return location.size() > kMagnetScheme.size() &&
           std::ranges::equal(location.substr(0, kMagnetScheme.size()), kMagnetScheme, {},
                              [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
}

/// Returns the Location of a redirect, if the reply is one and has one. The body of such a reply is not
/// needed.
std::optional<std::string> location_of(const http::ReplyParser& parser) {
    if (!parser.header_done() || !is_redirect(parser.status())) return std::nullopt;
    const auto location = parser.field("location");
    if (!location || location->empty()) return std::nullopt;
    return std::string(*location);
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

bool is_end(boost::system::error_code error) {
    // Many servers close without TLS's close_notify. The parser knows whether the body was whole.
    return error == asio::error::eof || error == asio::ssl::error::stream_truncated;
}

Error error_of(boost::system::error_code error, const ClosingTimer& timer) {
    if (timer.expired()) return Errc::timed_out;
    if (error == asio::error::operation_aborted) return Errc::cancelled;
    if (is_end(error) || error == asio::error::connection_reset || error == asio::error::broken_pipe)
        return Errc::connection_closed;
    return error;
}

/// Sends the request and reads the response on a stream that is connected and watched by `timer`.
template <class Stream>
Awaitable<Result<Hop>> exchange(Stream& stream, std::string request, ReadLimits limits, ClosingTimer& timer) {
    auto [write_error, written] = co_await asio::async_write(stream, asio::buffer(request), kAwait);
    if (write_error) co_return error_of(write_error, timer);

    http::ReplyParser parser(
        {.max_header_size = HttpClient::kMaxHeaderSize, .max_body_size = limits.max_body_size});
    std::vector<char> chunk(kReadSize);
    while (!parser.done() && !location_of(parser)) {
        timer.expires_at(limits.next());
        auto [error, size] = co_await stream.async_read_some(asio::buffer(chunk), kAwait);
        if (error && (!is_end(error) || timer.expired())) co_return error_of(error, timer);
        const Error wrong = error ? parser.feed_end() : parser.feed({chunk.data(), size});
        if (wrong && !location_of(parser)) co_return wrong;
    }
    co_return hop_of(parser, limits.max_body_size);
}

}  // namespace

class HttpClient::Tls {
  public:
    explicit Tls(const std::string& ca_file) : context(asio::ssl::context::tls_client) {
        context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
        context.set_verify_mode(asio::ssl::verify_peer);
        if (ca_file.empty()) {
            context.set_default_verify_paths(error);
        } else {
            context.load_verify_file(ca_file, error);
        }
    }
    asio::ssl::context context;
    boost::system::error_code error;  ///< set if the certificates could not be loaded
};

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
        Result<std::vector<Address>> addresses = co_await client_.resolver_.resolve(
            url.host, request_.families, deadline_ - Clock::now(), request_.look_up);
        if (!addresses) co_return addresses.error();
        std::erase_if(*addresses, [&](const Address& address) { return !http::may_reach(access_, address); });
        if (addresses->empty())
            co_return make_error_code(came_from_public_ ? Errc::http_redirect_refused
                                                        : Errc::http_local_refused);
        if (addresses->size() > kMaxAddresses) addresses->resize(kMaxAddresses);

        auto connected =
            co_await connect_to_first(client_.sockets_, std::move(*addresses), url.port, deadline_);
        if (!connected) co_return connected.error();
        ClosingTimer timer(connected->socket);
        timer.expires_at(deadline_);
        Result<Hop> hop = Errc::cancelled;
        if (url.https) {
            hop = co_await over_tls(connected->socket, url, timer);
        } else {
            hop = co_await exchange(connected->socket, request_for(url), limits(), timer);
        }
        if (!hop) co_return hop.error();
        hop->from_public = http::is_public(connected->address);
        hop->response.server = connected->address;
        co_return hop;
    }

    Awaitable<Result<Hop>> over_tls(tcp::socket& socket, const HttpUrl& url, ClosingTimer& timer) {
        if (!client_.tls_) client_.tls_ = std::make_unique<Tls>(client_.options_.ca_file);
        if (client_.tls_->error) co_return client_.tls_->error;
        asio::ssl::stream<tcp::socket&> stream(socket, client_.tls_->context);
        if (!Address::parse(url.host) &&
            SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str()) != 1)
            co_return make_error_code(Errc::http_bad_url);
        stream.set_verify_callback(asio::ssl::host_name_verification(url.host));
        auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::client, kAwait);
        if (error) co_return error_of(error, timer);
        Result<Hop> hop = co_await exchange(stream, request_for(url), limits(), timer);
        co_return hop;
    }

    ReadLimits limits() const { return {deadline_, request_.stall_timeout, request_.max_body_size}; }

    std::string request_for(const HttpUrl& url) const {
        std::string text = "GET " + url.target + " HTTP/1.1\r\nHost: " + url.host_field +
                           "\r\nUser-Agent: " + client_.options_.user_agent +
                           "\r\nAccept: */*\r\nConnection: close\r\n";
        if (!url.credentials.empty()) text += "Authorization: " + url.authorization() + "\r\n";
        if (request_.range) {
            text += "Range: bytes=" + std::to_string(request_.range->begin) + '-' +
                    std::to_string(request_.range->end - 1) + "\r\n";
        } else {
            text += "Accept-Encoding: gzip, deflate\r\n";
        }
        return text + "\r\n";
    }

    HttpClient& client_;
    const HttpRequest request_;
    const TimePoint deadline_;
    http::LocalAccess access_;
    bool came_from_public_ = false;
};

HttpClient::HttpClient(SocketFactory& sockets, Resolver& resolver, Options options)
    : sockets_(sockets), resolver_(resolver), options_(std::move(options)) {}

HttpClient::~HttpClient() = default;

Awaitable<Result<HttpResponse>> HttpClient::get(HttpRequest request) {
    assert(!request.range || !request.range->empty());
    Exchange exchange(*this, std::move(request));
    Result<HttpResponse> response = co_await exchange.run();
    co_return response;
}

}  // namespace btfs::net
