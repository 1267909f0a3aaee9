#include "engine/net/http_client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <cassert>

#include "engine/net/connect_to_first.hpp"
#include "engine/net/content_coding.hpp"
#include "engine/net/http_url.hpp"

namespace btfs::net {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace {

using asio::ip::tcp;
using Parser = http::response_parser<http::string_body>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

constexpr std::string_view kMagnetScheme = "magnet:";

struct ReadLimits {
    TimePoint deadline;
    std::optional<Duration> stall_timeout;
    std::size_t max_body_size;

    TimePoint next() const {
        return stall_timeout ? std::min(deadline, Clock::now() + *stall_timeout) : deadline;
    }
};

/// What one connection brought.
struct Hop {
    HttpResponse response;
    std::optional<std::string> location;
    bool from_public = false;
};

bool is_public(const Address& address) {
    return !address.is_loopback() && !address.is_private() && !address.is_unspecified();
}

Error error_of(boost::system::error_code error) {
    if (error == beast::error::timeout) return Errc::timed_out;
    if (error == asio::error::operation_aborted) return Errc::cancelled;
    if (error == http::error::body_limit || error == http::error::header_limit ||
        error == http::error::buffer_overflow)
        return Errc::http_too_large;
    if (error == http::error::end_of_stream || error == http::error::partial_message ||
        error == asio::error::eof || error == asio::error::connection_reset)
        return Errc::connection_closed;
    if (error.category() == http::make_error_code(http::error::bad_version).category())
        return Errc::http_malformed;
    return error;
}

bool is_redirect(unsigned status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Result<Hop> hop_of(Parser& parser, std::size_t max_body_size) {
    http::response<http::string_body>& message = parser.get();
    Hop hop;
    hop.response.status = message.result_int();
    if (hop.response.status < 200) return Errc::http_malformed;  // nobody asked for an interim response
    const auto location = message.find(http::field::location);
    if (is_redirect(hop.response.status) && location != message.end()) {
        hop.location.emplace(location->value().data(), location->value().size());
        return hop;
    }
    const auto coding = message[http::field::content_encoding];
    auto body = decoded_body(std::move(message.body()), {coding.data(), coding.size()}, max_body_size);
    if (!body) return body.error();
    hop.response.body = std::move(*body);
    return hop;
}

/// Sends the request and reads the response on a stream that is connected and has a deadline.
template <class Stream>
Awaitable<Result<Hop>> exchange(Stream& stream, http::request<http::empty_body> request, ReadLimits limits) {
    auto [write_error, written] = co_await http::async_write(stream, request, kAwait);
    if (write_error) co_return error_of(write_error);

    Parser parser;
    parser.header_limit(HttpClient::kMaxHeaderSize);
    parser.body_limit(limits.max_body_size);
    parser.eager(true);
    beast::flat_buffer buffer(64 * 1024);
    boost::system::error_code read_error;
    while (!read_error && !parser.is_done()) {
        beast::get_lowest_layer(stream).expires_at(limits.next());
        auto [error, size] = co_await http::async_read_some(stream, buffer, parser, kAwait);
        read_error = error;
    }
    if (read_error == asio::ssl::error::stream_truncated && parser.is_header_done() && parser.need_eof()) {
        // Many servers close without saying so in TLS. What reads the body has its own check for its end.
        boost::system::error_code ended;
        parser.put_eof(ended);
        read_error = ended;
    }
    if (read_error) co_return error_of(read_error);
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
    boost::system::error_code error;  ///< no certificates: nothing can be verified
};

/// One GET with all its redirects. Lives in the coroutine's frame.
class HttpClient::Exchange {
  public:
    Exchange(HttpClient& client, HttpRequest request)
        : client_(client), request_(std::move(request)), deadline_(Clock::now() + request_.timeout) {}

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
            if (hop->location->starts_with(kMagnetScheme)) {
                hop->response.final_url = std::move(*hop->location);
                co_return std::move(hop->response);
            }
            if (redirects == kMaxRedirects) co_return make_error_code(Errc::http_too_many_redirects);
            came_from_public_ = came_from_public_ || hop->from_public;
            url = url->resolved(*hop->location);
            if (!url) co_return make_error_code(Errc::http_malformed);
        }
    }

  private:
    Awaitable<Result<Hop>> fetch(const HttpUrl& url) {
        Result<std::vector<Address>> addresses =
            co_await client_.resolver_.resolve(url.host, request_.families, deadline_ - Clock::now());
        if (!addresses) co_return addresses.error();
        if (came_from_public_) {
            std::erase_if(*addresses, [](const Address& address) { return !is_public(address); });
            if (addresses->empty()) co_return make_error_code(Errc::http_redirect_refused);
        }
        if (addresses->size() > kMaxAddresses) addresses->resize(kMaxAddresses);

        auto connected =
            co_await connect_to_first(client_.sockets_, std::move(*addresses), url.port, deadline_);
        if (!connected) co_return connected.error();
        beast::tcp_stream stream(std::move(connected->socket));
        stream.expires_at(deadline_);
        Result<Hop> hop = Errc::cancelled;
        if (url.https) {
            hop = co_await over_tls(std::move(stream), url);
        } else {
            hop = co_await exchange(stream, message(url), limits());
        }
        if (hop) hop->from_public = is_public(connected->address);
        co_return hop;
    }

    Awaitable<Result<Hop>> over_tls(beast::tcp_stream plain, const HttpUrl& url) {
        if (!client_.tls_) client_.tls_ = std::make_unique<Tls>(client_.options_.ca_file);
        if (client_.tls_->error) co_return client_.tls_->error;
        asio::ssl::stream<beast::tcp_stream> stream(std::move(plain), client_.tls_->context);
        if (!Address::parse(url.host) &&
            SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str()) != 1)
            co_return make_error_code(Errc::http_bad_url);
        stream.set_verify_callback(asio::ssl::host_name_verification(url.host));
        auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::client, kAwait);
        if (error) co_return error_of(error);
        Result<Hop> hop = co_await exchange(stream, message(url), limits());
        co_return hop;
    }

    ReadLimits limits() const { return {deadline_, request_.stall_timeout, request_.max_body_size}; }

    http::request<http::empty_body> message(const HttpUrl& url) const {
        http::request<http::empty_body> message(http::verb::get, url.target, 11);
        message.set(http::field::host, url.host_field);
        message.set(http::field::user_agent, client_.options_.user_agent);
        message.set(http::field::accept, "*/*");
        message.set(http::field::connection, "close");
        if (request_.range) {
            message.set(http::field::range, "bytes=" + std::to_string(request_.range->begin) + '-' +
                                                std::to_string(request_.range->end - 1));
        } else {
            message.set(http::field::accept_encoding, "gzip, deflate");
        }
        return message;
    }

    HttpClient& client_;
    const HttpRequest request_;
    const TimePoint deadline_;
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
