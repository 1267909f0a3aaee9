#include "cli/web/web_connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <ctime>
#include <iterator>
#include <optional>

#include "cli/http/header_text.hpp"
#include "cli/http/product_name.hpp"
#include "cli/http/request_guard.hpp"
#include "cli/http/request_target.hpp"
#include "cli/web/content_reads.hpp"
#include "cli/web/status_events.hpp"
#include "cli/web/stream_places.hpp"
#include "cli/web/web_socket.hpp"
#include "cli/web/web_work.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace {

constexpr auto kAwaitTuple = asio::as_tuple(asio::use_awaitable);

constexpr std::uint32_t kMaxHeader = 16 << 10;
/// A torrent file of the largest size, in base64, and some more.
constexpr std::uint64_t kMaxBody = std::uint64_t{90} << 20;
constexpr Duration kHeaderPatience = 30s, kIdlePatience = 75s, kBodyPatience = 300s, kReplyPatience = 60s;
/// Bytes that one turn of a stream takes: first few, since the first frame is waited for.
constexpr std::uint64_t kFirstRead = 128 << 10, kLaterRead = 512 << 10, kLeasedTurn = 1 << 20;
/// Of a stream in the socket. A client that seeks may leave a connection open: what lies in its socket was
/// fetched in vain.
constexpr int kMaxUnsent = 256 << 10, kNoLimit = 0;
/// Bytes after which a file that was not all there is looked at again.
constexpr std::uint64_t kLeaseAgain = 32 << 20;
constexpr Duration kEventsEvery = 1s, kEventsSeldom = 10s;
/// Making the events of a listener takes one part in so many of a core, unless that made them too seldom;
/// what the engine and the socket do for them is about as much again.
constexpr int kEventsShare = 150;
/// For what a client still sends when its last answer was given.
constexpr Duration kLinger = 2s;
constexpr std::size_t kDropAtOnce = 16 << 10, kMaxDropped = 4 << 20;
/// Turns of a stream after which other connections have theirs.
constexpr int kTurnsInARow = 16;

/// Lets the socket take so many bytes before it sends them. 0: as many as its buffer has room for.
void limit_unsent(int socket, int bytes) {
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

std::string_view text(beast::string_view view) {
    return {view.data(), view.size()};
}

/// Returns the time that this thread has computed.
Duration cpu_time() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

WebReply plain(unsigned status, std::string_view words) {
    return {.status = status, .body = std::string(words) + '\n'};
}

// g++ 12 destroys twice what a coroutine makes for a call: replies are made outside of coroutines.

WebReply no_request(const boost::system::error_code& error) {
    return plain(error == http::error::header_limit ? 431 : 400,
                 "this is no request of HTTP: " + error.message());
}

WebReply no_host() {
    return plain(400, "a request of HTTP/1.1 has one Host");
}

WebReply body_too_large() {
    return plain(413, "the body is too large");
}

WebReply too_many_listeners() {
    return plain(503, "too many pages are open; close some");
}

WebReply too_many_bodies() {
    return plain(503, "too much is sent at once; try again");
}

RemoteReader reader_of(const WebRequest& request) {
    return {.address = request.client.text(), .program = product_name(request.user_agent)};
}

/// Pages of other sites may see the answer, as they may see streams.
WebReply for_other_sites(WebReply reply) {
    reply.headers.emplace_back("Access-Control-Allow-Origin", "*");
    return reply;
}

/// Returns the answer to a request for a stream that brings no file; nothing if it brings one.
std::optional<WebReply> instead_of_stream(const WebRequest& request,
                                          const std::optional<StreamPlace>& place) {
    if (request.method == "OPTIONS") return WebReply{.status = 204, .headers = preflight_headers()};
    if (!request.is_read()) {
        WebReply reply = for_other_sites(plain(405, "streams are read"));
        reply.headers.emplace_back("Allow", "GET, HEAD, OPTIONS");
        return reply;
    }
    if (!place || place->attributes.kind == NodeKind::directory)
        return for_other_sites(plain(404, "there is no such file"));
    if (place->attributes.kind == NodeKind::symlink)
        return for_other_sites({.status = 302, .headers = {{"Location", place->redirect}}});
    return std::nullopt;
}

}  // namespace

/// A request whose header has come; its body follows.
class WebConnection::Request {
  public:
    using Parser = http::request_parser<http::string_body>;

    explicit Request(http::request_parser<http::empty_body>&& head, const Address& from)
        : parser_(std::move(head)), from_(from) {}

    Parser& parser() { return parser_; }
    unsigned version() const { return parser_.get().version(); }
    bool is_head() const { return parser_.get().method() == http::verb::head; }
    /// HTTP/1.1 asks for one Host (RFC 9112, 3.2).
    bool lacks_host() const { return version() > 10 && parser_.get().count(http::field::host) != 1; }
    bool wants_keep_alive() const { return !ends_ && parser_.keep_alive(); }
    /// Reads no further request; the header of this one may not be whole.
    void end() { ends_ = true; }

    WebRequest message() const {
        const auto& request = parser_.get();
        const auto field = [&](auto name) { return text(request[name]); };
        const RequestTarget target = split_target(text(request.target()));
        return {.method = text(request.method_string()),
                .path = target.path,
                .body = request.body(),
                .content_type = field(http::field::content_type),
                .authorization = field(http::field::authorization),
                .session_id = field("X-Transmission-Session-Id"),
                .forwarded_scheme = field("X-Forwarded-Proto"),
                // The absolute form's host counts in place of the header (RFC 9112, 3.2.2).
                .origin = {.host = target.host.empty() ? field(http::field::host) : target.host,
                           .origin = field(http::field::origin),
                           .sec_fetch_site = field("Sec-Fetch-Site")},
                .stream = {.range = field(http::field::range),
                           .conditions = {.if_match = field(http::field::if_match),
                                          .if_unmodified_since = field(http::field::if_unmodified_since),
                                          .if_none_match = field(http::field::if_none_match),
                                          .if_modified_since = field(http::field::if_modified_since),
                                          .if_range = field(http::field::if_range)},
                           .transfer_mode = field("transferMode.dlna.org"),
                           .content_features = field("getcontentFeatures.dlna.org"),
                           .is_get = request.method() == http::verb::get},
                .from = from_,
                .client = client_address(from_, last_field("X-Forwarded-For")),
                .user_agent = field(http::field::user_agent)};
    }

  private:
    /// Of headers of one name the last one: each proxy adds behind those that came.
    std::string_view last_field(std::string_view name) const {
        const auto found = parser_.get().equal_range(name);
        return found.first == found.second ? std::string_view() : text(std::prev(found.second)->value());
    }

    Parser parser_;
    const Address from_;
    bool ends_ = false;
};

WebConnection::WebConnection(std::unique_ptr<Socket> socket, WebSite& site, WebWork& work)
    : socket_(std::move(socket)),
      site_(site),
      work_(work),
      progress_(Clock::now().time_since_epoch().count()) {}

WebConnection::~WebConnection() = default;

void WebConnection::note_progress() {
    progress_ = Clock::now().time_since_epoch().count();
}

void WebConnection::close() {
    asio::post(socket_->stream.get_executor(),
               [self = shared_from_this()] { self->socket_->stream.close(); });
}

net::Awaitable<void> WebConnection::run(std::shared_ptr<WebConnection> self) {
    try {
        while (co_await self->serve_one()) {
        }
        co_await self->hang_up();
    } catch (const std::exception& failure) {
        log::debug("web: a connection ends: {}", failure.what());
    }
}

/// Ends the connection such that the client gets the last answer, although not all that it sent was read.
net::Awaitable<void> WebConnection::hang_up() {
    serving_ = false;
    boost::system::error_code failed;
    socket_->stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, failed);
    socket_->buffer.clear();
    socket_->stream.expires_after(kLinger);
    for (std::size_t dropped = 0; !failed && dropped < kMaxDropped;) {
        const auto [error, size] =
            co_await socket_->stream.async_read_some(socket_->buffer.prepare(kDropAtOnce), kAwaitTuple);
        failed = error;
        dropped += size;
    }
}

/// Returns false if no further request can come.
net::Awaitable<bool> WebConnection::serve_one() {
    http::request_parser<http::empty_body> head;
    head.header_limit(kMaxHeader);
    head.body_limit(boost::none);  // answer() has its own
    socket_->stream.expires_after(socket_->requests++ == 0 ? kHeaderPatience : kIdlePatience);
    const auto [error, size] =
        co_await http::async_read_header(socket_->stream, socket_->buffer, head, kAwaitTuple);
    if (error == http::error::end_of_stream || error == beast::error::timeout ||
        (error && error.category() != http::make_error_code(http::error::end_of_stream).category()))
        co_return false;
    note_progress();
    serving_ = true;
    Request request(std::move(head), socket_->remote);
    if (error || request.lacks_host()) {
        request.end();
        const WebReply reply = error ? no_request(error) : no_host();
        co_await send(reply, request);
        co_return false;
    }
    const bool goes_on = co_await answer(request);
    serving_ = false;
    co_return goes_on;
}

net::Awaitable<bool> WebConnection::answer(Request& request) {
    auto& parser = request.parser();
    if (auto refusal = site_.refuse(request.message(), Clock::now())) {
        if (!parser.is_done()) request.end();
        co_return co_await send(*refusal, request);
    }
    const auto length = parser.content_length();
    const bool has_body = parser.chunked() || length.value_or(0) > 0;
    if (has_body) {
        if (auto refusal = site_.refuse_body(request.message())) {
            request.end();
            co_return co_await send(*refusal, request);
        }
    }
    if (length.value_or(0) > kMaxBody) {
        request.end();
        const WebReply reply = body_too_large();
        co_return co_await send(reply, request);
    }
    std::optional<WebWork::LargeBody> large;
    if (has_body && length.value_or(kMaxBody) > WebWork::kSmallBody) {
        large.emplace(work_);
        if (!large->granted()) {
            request.end();
            const WebReply reply = too_many_bodies();
            co_return co_await send(reply, request);
        }
    }
    parser.body_limit(kMaxBody);
    if (!parser.is_done()) {
        socket_->stream.expires_after(kBodyPatience);
        const bool asks_first = parser.get().version() > 10 &&
                                equals_ignoring_case(text(parser.get()[http::field::expect]), "100-continue");
        if (asks_first && !co_await write("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
        const auto [error, size] =
            co_await http::async_read(socket_->stream, socket_->buffer, parser, kAwaitTuple);
        if (error == http::error::body_limit) {
            request.end();
            const WebReply reply = body_too_large();
            co_return co_await send(reply, request);
        }
        if (error) co_return false;
        note_progress();
    }
    const WebRequest message = request.message();
    const auto path = site_.stream_path(message);
    if (path) co_return co_await send_stream(*path, request);
    if (WebSite::is_events(message) && message.method == "GET") co_return co_await send_events(request);
    // Waits for the disk, which must not hold up the other connections.
    const auto work = [&]() -> net::Awaitable<WebReply> { co_return site_.answer(message); };
    const WebReply reply = co_await asio::co_spawn(work_.pool(), work, asio::use_awaitable);
    co_return co_await send(reply, request);
}

net::Awaitable<bool> WebConnection::send(const WebReply& reply, const Request& request) {
    http::response<http::string_body> response(http::int_to_status(reply.status), request.version());
    response.set(http::field::server, "btfs");
    response.set(http::field::date, http_date(std::time(nullptr)));
    response.set(http::field::content_type, reply.content_type);
    response.set("X-Content-Type-Options", "nosniff");
    response.set("X-Frame-Options", "DENY");
    response.set("Referrer-Policy", "no-referrer");
    for (const auto& [name, value] : reply.headers) response.set(name, value);
    response.keep_alive(request.wants_keep_alive());
    if (reply.status != 204) response.content_length(reply.body.size());
    if (!request.is_head()) response.body() = reply.body;
    socket_->stream.expires_after(kReplyPatience);
    http::response_serializer<http::string_body> serializer(response);
    boost::system::error_code error;
    if (request.is_head()) {
        co_await http::async_write_header(socket_->stream, serializer,
                                          asio::redirect_error(asio::use_awaitable, error));
    } else {
        co_await http::async_write(socket_->stream, serializer,
                                   asio::redirect_error(asio::use_awaitable, error));
    }
    note_progress();
    co_return !error && request.wants_keep_alive();
}

net::Awaitable<bool> WebConnection::write(std::string_view bytes) {
    const auto [error, size] = co_await asio::async_write(
        socket_->stream.socket(), asio::buffer(bytes.data(), bytes.size()), kAwaitTuple);
    note_progress();
    co_return !error;
}

// ---- streams ----

net::Awaitable<bool> WebConnection::send_stream(std::string_view path, const Request& request) {
    const WebRequest message = request.message();
    const auto place = find_place(site_.torrents().filesystem(), path);
    if (const auto reply = instead_of_stream(message, place)) co_return co_await send(*reply, request);
    const StreamHead head =
        stream_head(message.stream, {place->name, place->attributes.size, place->validators()});
    http::response<http::empty_body> response(http::int_to_status(head.status), request.version());
    response.set(http::field::server, "btfs");
    response.set(http::field::date, http_date(std::time(nullptr)));
    for (const auto& [name, value] : head.headers) response.set(name, value);
    response.keep_alive(request.wants_keep_alive());
    if (head.status != 304) response.content_length(head.length);
    socket_->stream.expires_after(kReplyPatience);
    http::response_serializer<http::empty_body> serializer(response);
    const auto [error, size] = co_await http::async_write_header(socket_->stream, serializer, kAwaitTuple);
    if (error) co_return false;
    socket_->stream.expires_never();  // a player may pause for as long as its user likes
    if (request.is_head() || head.body.empty()) co_return request.wants_keep_alive();
    const RemoteReader reader = reader_of(message);
    co_return co_await send_content(head, place->attributes.node, reader) && request.wants_keep_alive();
}

/// Sends the body. False: the client has gone, or the bytes can no longer be had; a body that is cut is told
/// by the connection's end.
net::Awaitable<bool> WebConnection::send_content(const StreamHead& head, NodeId node,
                                                 const RemoteReader& reader) {
    auto reads = ContentReads::open(site_.torrents().filesystem(), node, reader);
    if (!reads) co_return false;
    const auto departure = socket_->watch([&reads] { (*reads)->abandon(); });
    for (const auto& part : head.body) {
        if (const auto* const words = std::get_if<std::string>(&part)) {
            if (!co_await write(*words)) co_return false;
        } else if (!co_await send_range(**reads, std::get<ByteRange>(part))) {
            co_return false;
        }
    }
    co_return true;
}

net::Awaitable<bool> WebConnection::send_range(ContentReads& reads, ByteRange range) {
    std::uint64_t look_again = range.begin;
    limit_unsent(socket_->stream.socket().native_handle(), kMaxUnsent);
    for (std::uint64_t at = range.begin; at < range.end;) {
        if (at >= look_again) {
            if (const auto lease = reads.lease())
                co_return co_await send_leased(reads, lease->descriptor(), ByteRange{at, range.end});
            look_again = at + kLeaseAgain;
        }
        const std::uint64_t turn = at - range.begin < kLaterRead ? kFirstRead : kLaterRead;
        const auto bytes = co_await reads.read({at, std::min(range.end, at + turn)});
        if (!bytes || bytes->empty() || !co_await write({bytes->data(), bytes->size()})) co_return false;
        at += bytes->size();
    }
    co_return true;
}

/// Sends bytes of a file on disk without copying them.
net::Awaitable<bool> WebConnection::send_leased(ContentReads& reads, int file, ByteRange range) {
    auto& socket = socket_->stream.socket();
    limit_unsent(socket.native_handle(), kNoLimit);
    boost::system::error_code failed;
    socket.native_non_blocking(true, failed);
    auto at = static_cast<off_t>(range.begin);
    int turns = 0;
    while (static_cast<std::uint64_t>(at) < range.end) {
        const std::uint64_t left = range.end - static_cast<std::uint64_t>(at);
        const ssize_t sent = sendfile(socket.native_handle(), file, &at, std::min(left, kLeasedTurn));
        if (sent > 0) {
            reads.count_sent(static_cast<std::uint64_t>(sent));
            note_progress();
            if (++turns % kTurnsInARow == 0) co_await asio::post(asio::use_awaitable);
        } else if (sent < 0 && errno == EAGAIN) {
            const auto [error] = co_await socket.async_wait(asio::socket_base::wait_write, kAwaitTuple);
            if (error) co_return false;
        } else if (sent == 0 || errno != EINTR) {
            co_return false;
        }
    }
    co_return true;
}

// ---- events ----

/// Never ends by itself.
net::Awaitable<bool> WebConnection::send_events(const Request& request) {
    const WebWork::Listener listener(work_);
    if (!listener.granted()) {
        const WebReply reply = too_many_listeners();
        co_return co_await send(reply, request);
    }
    http::response<http::empty_body> response(http::status::ok, request.version());
    response.set(http::field::server, "btfs");
    response.set(http::field::content_type, "text/event-stream");
    response.set(http::field::cache_control, "no-store");
    response.keep_alive(false);
    socket_->stream.expires_after(kReplyPatience);
    http::response_serializer<http::empty_body> serializer(response);
    const auto [error, size] = co_await http::async_write_header(socket_->stream, serializer, kAwaitTuple);
    if (error) co_return false;
    asio::steady_timer timer(socket_->stream.get_executor());
    bool gone = false;
    const auto departure = socket_->watch([&] {
        gone = true;
        timer.cancel();
    });
    StatusEvents events;
    while (!gone) {
        Duration took{};
        const auto work = [&]() -> net::Awaitable<std::string> {
            const Duration begin = cpu_time();
            std::string event = events.next(site_.torrents().report());
            took = cpu_time() - begin;
            co_return event;
        };
        const std::string event = co_await asio::co_spawn(work_.pool(), work, asio::use_awaitable);
        if (gone) break;
        // A listener that takes nothing would keep its event in memory.
        socket_->stream.expires_after(kReplyPatience);
        const auto [failed, sent] =
            co_await asio::async_write(socket_->stream, asio::buffer(event), kAwaitTuple);
        if (failed) break;
        note_progress();
        timer.expires_after(std::clamp<Duration>(kEventsShare * took, kEventsEvery, kEventsSeldom));
        co_await timer.async_wait(kAwaitTuple);
    }
    co_return false;
}

}  // namespace btfs::cli
