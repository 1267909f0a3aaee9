#include "engine/net/http_client.hpp"

#include <openssl/ssl.h>

#include <boost/asio/async_result.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/url.hpp>

#include "engine/net/asio_endpoint.hpp"
#include "engine/net/gzip.hpp"
#include "engine/net/task_group.hpp"

namespace btfs::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
namespace urls = boost::urls;
using asio::ip::tcp;

constexpr int kMaxRedirects = 5;
constexpr std::uint32_t kMaxHeaderSize = 16 * 1024;
constexpr Duration kConnectTimeout = 5s;  // for one of several addresses
constexpr const char* kUserAgent = "btfs/0.1";

/// Where a URL leads.
struct Target {
    bool secure = false;
    std::string host;
    std::uint16_t port = 0;
    std::string host_header;
    std::string path_and_query;
};

Result<Target> target_of(const urls::url& url) {
    Target t;
    if (url.scheme_id() != urls::scheme::http && url.scheme_id() != urls::scheme::https)
        return Errc::tracker_bad_url;
    t.secure = url.scheme_id() == urls::scheme::https;
    t.host = url.host_address();
    t.port = url.has_port() ? url.port_number() : t.secure ? 443 : 80;
    if (t.host.empty() || t.port == 0) return Errc::tracker_bad_url;
    t.host_header = std::string(url.encoded_host_and_port());
    const std::string_view target = url.encoded_target();
    t.path_and_query = target.empty() ? "/" : std::string(target);
    if (t.path_and_query.front() != '/') t.path_and_query.insert(0, "/");
    return t;
}

bool is_public(const Address& address) {
    return !address.is_private() && !address.is_loopback();
}

Error as_ours(const Error& error) {
    if (error == beast::error::timeout) return Errc::timed_out;
    if (error == http::error::body_limit || error == http::error::header_limit) return Errc::http_too_large;
    if (error.category() == http::make_error_code(http::error::end_of_stream).category())
        return Errc::http_malformed;
    return error;
}

asio::awaitable<Result<std::vector<Address>>> look_up(Resolver& resolver, std::string host,
                                                      std::optional<AddressFamily> family) {
    using Answer = Result<std::vector<Address>>;
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Answer)>(
        [&resolver, host, family](auto handler) {
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            resolver.resolve(host, family,
                             [shared](Answer answer) { std::move (*shared)(std::move(answer)); });
        },
        asio::use_awaitable);
}

using Response = http::response<http::string_body>;

/// Sends the request and reads the reply, on a stream that is connected.
template <class Stream>
asio::awaitable<Result<Response>> exchange(Stream& stream, Target target, std::size_t max_body_size) {
    Error error;
    http::request<http::empty_body> request(http::verb::get, target.path_and_query, 11);
    request.set(http::field::host, target.host_header);
    request.set(http::field::user_agent, kUserAgent);
    request.set(http::field::accept_encoding, "gzip");
    request.set(http::field::connection, "close");
    co_await http::async_write(stream, request, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return as_ours(error);

    http::response_parser<http::string_body> parser;
    parser.header_limit(kMaxHeaderSize);
    parser.body_limit(max_body_size);
    beast::flat_buffer buffer;
    co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return as_ours(error);
    co_return parser.release();
}

Result<std::string> body_of(Response response, std::size_t max_body_size) {
    const auto encoding = response[http::field::content_encoding];
    if (encoding.empty() || beast::iequals(encoding, "identity")) return std::move(response.body());
    if (beast::iequals(encoding, "gzip") || beast::iequals(encoding, "x-gzip") ||
        beast::iequals(encoding, "deflate"))
        return inflate(response.body(), max_body_size);
    return Errc::http_malformed;
}

}  // namespace

struct HttpClient::State {
    State(SocketFactory& the_sockets, Resolver& the_resolver)
        : sockets(the_sockets), resolver(the_resolver), tasks(the_sockets.io().get_executor()) {}

    asio::awaitable<void> run(HttpRequest request, Done done);
    asio::awaitable<Result<std::string>> fetch(HttpRequest request);
    asio::awaitable<Result<Response>> fetch_once(Target target, Address address, HttpRequest request,
                                                 TimePoint deadline);
    ssl::context& tls();

    SocketFactory& sockets;
    Resolver& resolver;
    TaskGroup tasks;
    std::optional<ssl::context> tls_context;
};

ssl::context& HttpClient::State::tls() {
    if (!tls_context) {
        tls_context.emplace(ssl::context::tls_client);
        Error ignored;  // without certificates every verification fails, and says so
        tls_context->set_default_verify_paths(ignored);
        tls_context->set_verify_mode(ssl::verify_peer);
    }
    return *tls_context;
}

asio::awaitable<Result<Response>> HttpClient::State::fetch_once(Target target, Address address,
                                                                HttpRequest request, TimePoint deadline) {
    auto socket = sockets.tcp(address.family());
    if (!socket) co_return socket.error();
    Error error;
    beast::tcp_stream plain(std::move(*socket));
    plain.expires_at(std::min(deadline, Clock::now() + kConnectTimeout));
    co_await plain.async_connect(to_asio<tcp>(Endpoint{address, target.port}),
                                 asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return as_ours(error);
    plain.expires_at(deadline);
    if (!target.secure) co_return co_await exchange(plain, target, request.max_body_size);

    beast::ssl_stream<beast::tcp_stream> secure(std::move(plain), tls());
    secure.set_verify_callback(ssl::host_name_verification(target.host));
    SSL_set_tlsext_host_name(secure.native_handle(), target.host.c_str());
    co_await secure.async_handshake(ssl::stream_base::client,
                                    asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return as_ours(error);
    co_return co_await exchange(secure, target, request.max_body_size);
}

asio::awaitable<Result<std::string>> HttpClient::State::fetch(HttpRequest request) {
    const TimePoint deadline = Clock::now() + request.timeout;
    auto parsed = urls::parse_uri(request.url);
    if (!parsed) co_return Errc::tracker_bad_url;
    urls::url url(*parsed);
    bool came_from_public = false;
    for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
        auto target = target_of(url);
        if (!target) co_return target.error();
        auto addresses = co_await look_up(resolver, target->host, request.family);
        if (!addresses) co_return addresses.error();

        Result<Response> response = Errc::name_not_found;
        for (const Address& address : *addresses) {
            if (came_from_public && !is_public(address)) continue;  // nobody out there may steer us inside
            response = co_await fetch_once(*target, address, request, deadline);
            if (response) came_from_public = came_from_public || is_public(address);
            if (response || Clock::now() >= deadline) break;
        }
        if (!response) co_return response.error();
        if (response->result() == http::status::ok)
            co_return body_of(std::move(*response), request.max_body_size);
        const auto location = (*response)[http::field::location];
        if (http::to_status_class(response->result()) != http::status_class::redirection || location.empty())
            co_return Errc::http_status;
        auto reference = urls::parse_uri_reference(location);
        urls::url next;
        if (!reference || !urls::resolve(url, *reference, next)) co_return Errc::http_malformed;
        url = std::move(next);
    }
    co_return Errc::http_too_many_redirects;
}

asio::awaitable<void> HttpClient::State::run(HttpRequest request, Done done) {
    Result<std::string> result = co_await fetch(std::move(request));
    done(std::move(result));
}

HttpClient::HttpClient(SocketFactory& sockets, Resolver& resolver)
    : state_(std::make_unique<State>(sockets, resolver)) {}
HttpClient::~HttpClient() = default;

void HttpClient::get(HttpRequest request, Done done) {
    state_->tasks.spawn("http request", state_->run(std::move(request), std::move(done)));
}

}  // namespace btfs::net
