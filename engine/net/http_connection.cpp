#include "engine/net/http_connection.hpp"

#include <poll.h>
#include <sys/socket.h>

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
#include <limits>
#include <vector>

#include "engine/net/closing_timer.hpp"
#include "engine/net/connector.hpp"
#include "engine/proxy/http_connect.hpp"

namespace btfs::net {
namespace asio = boost::asio;
namespace {

using asio::ip::tcp;

constexpr auto kAwaitTuple = asio::as_tuple(asio::use_awaitable);

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

}  // namespace

std::optional<std::string> redirect_location(unsigned status, std::optional<std::string_view> location) {
    const bool redirects = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    if (!redirects || !location || location->empty()) return std::nullopt;
    return std::string(*location);
}

class HttpConnector::Tls {
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

class HttpConnection::Parts {
  public:
    explicit Parts(Connector::Connected connected)
        : socket(std::move(connected.socket)),
          address(connected.address),
          asked(connected.asks),
          timer(socket) {}

    tcp::socket socket;
    const Address address;
    const proxy::ProxyUrl* const asked;  ///< the HTTP proxy that requests go to; null: to the server
    ClosingTimer timer;
    std::optional<asio::ssl::stream<tcp::socket&>> tls;
    int low_water = 1;  ///< of the socket (SO_RCVLOWAT)
};

HttpConnection::HttpConnection(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

HttpConnection::~HttpConnection() = default;

const Address& HttpConnection::address() const {
    return parts_->address;
}

std::string HttpConnection::request_head(const http::HttpUrl& url) const {
    const std::string host = " HTTP/1.1\r\nHost: " + url.host_field + "\r\n";
    if (!parts_->asked) return "GET " + url.target + host;
    return "GET " + url.text + host + proxy::authorization_field(parts_->asked->credentials);
}

void HttpConnection::close() {
    boost::system::error_code ignored;
    parts_->socket.close(ignored);
}

bool HttpConnection::is_quiet() {
    if (!parts_->socket.is_open()) return false;
    pollfd look{parts_->socket.native_handle(), POLLIN, 0};
    return poll(&look, 1, 0) == 0;
}

Awaitable<Error> HttpConnection::write(std::string text, TimePoint deadline) {
    Parts& parts = *parts_;
    parts.timer.expires_at(deadline);
    boost::system::error_code failed;
    if (parts.tls) {
        auto [error, written] = co_await asio::async_write(*parts.tls, asio::buffer(text), kAwaitTuple);
        failed = error;
    } else {
        auto [error, written] = co_await asio::async_write(parts.socket, asio::buffer(text), kAwaitTuple);
        failed = error;
    }
    if (failed) co_return error_of(failed, parts.timer);
    co_return Error{};
}

/// Waits until a read brings so many bytes, or the stream ends. A read itself would not wait for them: it
/// takes what is there.
Awaitable<boost::system::error_code> HttpConnection::wait_for_bytes(std::size_t low_water) {
    Parts& parts = *parts_;
    const auto value = static_cast<int>(std::min<std::size_t>(low_water, std::numeric_limits<int>::max()));
    if (value != parts.low_water &&
        setsockopt(parts.socket.native_handle(), SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value) == 0)
        parts.low_water = value;
    if (value == 1) co_return boost::system::error_code{};
    auto [error] = co_await parts.socket.async_wait(tcp::socket::wait_read, kAwaitTuple);
    co_return error;
}

Awaitable<Result<std::size_t>> HttpConnection::read(std::span<char> into, TimePoint deadline,
                                                    std::size_t low_water) {
    Parts& parts = *parts_;
    parts.timer.expires_at(deadline);
    boost::system::error_code failed;
    std::size_t size = 0;
    if (!parts.tls) failed = co_await wait_for_bytes(low_water);
    if (failed) co_return error_of(failed, parts.timer);
    if (parts.tls) {
        auto [error, n] =
            co_await parts.tls->async_read_some(asio::buffer(into.data(), into.size()), kAwaitTuple);
        failed = error;
        size = n;
    } else {
        auto [error, n] =
            co_await parts.socket.async_read_some(asio::buffer(into.data(), into.size()), kAwaitTuple);
        failed = error;
        size = n;
    }
    if (!failed) co_return size;
    if (is_end(failed) && !parts.timer.expired()) co_return std::size_t{0};
    co_return error_of(failed, parts.timer);
}

HttpConnector::HttpConnector(Connector& connector, std::string ca_file)
    : connector_(connector), ca_file_(std::move(ca_file)) {}

HttpConnector::~HttpConnector() = default;

Awaitable<Result<std::unique_ptr<HttpConnection>>> HttpConnector::connect(Target target, TimePoint deadline) {
    Connector::Server server{{target.url.host, target.url.port},
                             target.families,
                             target.look_up,
                             target.access,
                             !target.url.https};
    auto connected = co_await connector_.connect(std::move(server), deadline);
    if (!connected) co_return connected.error();
    std::unique_ptr<HttpConnection> connection(
        new HttpConnection(std::make_unique<HttpConnection::Parts>(std::move(*connected))));
    if (!target.url.https) co_return std::move(connection);

    if (!tls_) tls_ = std::make_unique<Tls>(ca_file_);
    if (tls_->error) co_return tls_->error;
    HttpConnection::Parts& parts = *connection->parts_;
    auto& stream = parts.tls.emplace(parts.socket, tls_->context);
    if (!Address::parse(target.url.host) &&
        SSL_set_tlsext_host_name(stream.native_handle(), target.url.host.c_str()) != 1)
        co_return make_error_code(Errc::http_bad_url);
    stream.set_verify_callback(asio::ssl::host_name_verification(target.url.host));
    parts.timer.expires_at(deadline);
    auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::client, kAwaitTuple);
    if (error) co_return error_of(error, parts.timer);
    co_return std::move(connection);
}

}  // namespace btfs::net
