#include "engine/net/web_seed_lanes.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "engine/http/http_url.hpp"

namespace btfs::net {
namespace asio = boost::asio;
namespace {

constexpr std::size_t kChunk = 128 * 1024;
/// Of the body of a 503 that says how many seconds to wait.
constexpr std::size_t kMaxNumber = 32;
/// After a read that ended so lately, the rest of the block will come soon: it is not read packet by packet.
/// Each packet of a slower server is read: it is a sign of life.
constexpr Duration kQuick = std::chrono::milliseconds(100);
/// The machine's time-outs end a lane; this is only the backstop of its connection.
constexpr Duration kBackstop = std::chrono::minutes(15);

}  // namespace

/// One HTTP connection, and what the coroutine that drives it has to do.
struct WebSeedLanes::Lane {
    explicit Lane(asio::io_context& io) : wake(io) {}
    void drop_connection() {
        connection.reset();
        place.free();
    }
    /// Ends what is under way, and the coroutine.
    void close() {
        closed = true;
        wake.cancel();
        if (connection) connection->close();
        place.free();
    }
    std::optional<webseed::Fetch> next;
    bool closed = false;
    bool busy = false;  ///< a request is under way
    HostPlaces::Place place;
    std::unique_ptr<HttpConnection> connection;
    std::optional<http::HttpUrl> connected_to;
    asio::steady_timer wake;
};

WebSeedLanes::WebSeedLanes(Setup setup, webseed::WebSeed& machine, std::function<void()> after_event)
    : setup_(std::move(setup)),
      by_pieces_(std::holds_alternative<webseed::PieceUrls>(setup_.urls)),
      machine_(machine),
      after_event_(std::move(after_event)) {}

WebSeedLanes::~WebSeedLanes() = default;

void WebSeedLanes::fetch(const webseed::Fetch& action) {
    const auto [found, is_new] = lanes_.try_emplace(action.lane);
    if (is_new) found->second = std::make_shared<Lane>(setup_.io);
    found->second->next = action;
    if (is_new)
        setup_.tasks.spawn("connection to a web seed", run(shared_from_this(), found->second, action.lane));
}

void WebSeedLanes::close(LaneId id) {
    const auto found = lanes_.find(id);
    if (found == lanes_.end()) return;
    found->second->close();
    lanes_.erase(found);
}

void WebSeedLanes::close_all() {
    closed_ = true;
    for (auto& [id, lane] : lanes_) lane->close();
    lanes_.clear();
}

void WebSeedLanes::wake() {
    for (auto& [id, lane] : lanes_) lane->wake.cancel();
}

bool WebSeedLanes::is_over(const Lane& lane) const {
    return closed_ || lane.closed;
}

Awaitable<void> WebSeedLanes::run(std::shared_ptr<WebSeedLanes> self, LanePtr lane, LaneId id) {
    while (!self->is_over(*lane)) {
        if (!lane->next) {
            co_await rest(lane);
            continue;
        }
        const webseed::Fetch fetch = *std::exchange(lane->next, std::nullopt);
        lane->busy = true;
        const Error error = co_await serve(self, lane, id, fetch);
        lane->busy = false;
        if (!error) continue;
        lane->drop_connection();
        if (self->is_over(*lane)) co_return;
        self->machine_.on_failed(id, error, Clock::now());
        self->after_event_();
    }
}

/// Waits for a wake-up.
Awaitable<void> WebSeedLanes::rest(LanePtr lane) {
    lane->wake.expires_after(kBackstop);
    co_await lane->wake.async_wait(asio::as_tuple(asio::use_awaitable));
}

/// Carries out one request, up to the end of its body. Returns without an error once the machine knows how
/// that went.
Awaitable<Error> WebSeedLanes::serve(std::shared_ptr<WebSeedLanes> self, LanePtr lane, LaneId id,
                                     webseed::Fetch fetch) {
    Result<Reply> reply = co_await ask(self, lane, fetch);
    if (self->is_over(*lane)) co_return make_error_code(Errc::cancelled);
    if (!reply) co_return reply.error();
    if (reply->redirected && !self->by_pieces_)
        self->setup_.memory.set_place(fetch.file, std::move(reply->place));
    http::ReplyParser& parser = reply->parser;
    std::string told;
    if (self->by_pieces_ && parser.status() == 503) told = co_await short_body(self, lane, parser);
    if (self->is_over(*lane)) co_return make_error_code(Errc::cancelled);
    self->machine_.on_reply(id,
                            {.status = parser.status(),
                             .content_range = parser.field("content-range"),
                             .content_encoding = parser.field("content-encoding"),
                             .retry_after = told.empty() ? parser.field("retry-after") : told,
                             .body_size = parser.body_size()},
                            Clock::now());
    self->after_event_();
    if (self->is_over(*lane)) co_return make_error_code(Errc::cancelled);
    const Error error = co_await take_body(self, lane, id, std::move(parser));
    co_return error;
}

/// Asks for a range, and follows redirects. Reads the reply's header, and the part of the body that came
/// with it.
Awaitable<Result<WebSeedLanes::Reply>> WebSeedLanes::ask(std::shared_ptr<WebSeedLanes> self, LanePtr lane,
                                                         webseed::Fetch fetch) {
    const TimePoint deadline = Clock::now() + webseed::WebSeed::kReplyTimeout;
    // An HTTP seed has a URL for each range: it is asked again where a redirect leads.
    const webseed::SeedMemory::Place* known =
        self->by_pieces_ ? nullptr : self->setup_.memory.place_of(fetch.file);
    const std::string own_url = self->url_of(fetch);
    const std::string text = known ? known->url : own_url;
    bool remembered = known != nullptr;
    auto url = http::HttpUrl::parse(text);
    if (!url) co_return make_error_code(Errc::http_bad_url);
    if (known) url->credentials = known->credentials;
    http::LocalAccess access = known ? known->access : self->access_of(*url);
    bool from_public = known && known->from_public;
    for (unsigned redirects = 0;;) {
        auto parser = co_await ask_once(self, lane, *url, access, fetch.in_file, deadline);
        if (self->is_over(*lane)) co_return make_error_code(Errc::cancelled);
        if (!parser && parser.error() == Errc::http_local_refused && from_public)
            co_return make_error_code(Errc::http_redirect_refused);
        if (!parser) co_return parser.error();
        const auto location = redirect_location(parser->status(), parser->field("location"));
        if (!location && std::exchange(remembered, false) && parser->status() >= 400) {
            // Where a redirect leads to may be good for a while only.
            self->setup_.memory.forget_place(fetch.file);
            lane->drop_connection();
            url = http::HttpUrl::parse(own_url);
            if (!url) co_return make_error_code(Errc::http_bad_url);
            access = self->access_of(*url);
            from_public = false;
            continue;
        }
        if (!location) {
            Reply reply{
                std::move(*parser), {url->text, url->credentials, access, from_public}, redirects > 0};
            co_return std::move(reply);
        }
        if (redirects++ == kMaxRedirects) co_return make_error_code(Errc::http_too_many_redirects);
        auto next = url->resolved(*location);
        if (!next) co_return make_error_code(Errc::http_bad_url);
        if (url->https && !next->https) co_return make_error_code(Errc::http_redirect_insecure);
        // See HttpClient: a public server must not lead into a local network, a local one may. Unlike a
        // tracker, it leads to this machine no more than the torrent does.
        from_public = from_public || http::is_public(lane->connection->address());
        access = from_public ? http::LocalAccess::nothing : self->setup_.most_access;
        lane->drop_connection();
        url = std::move(next);
    }
}

/// One request and the header of its reply, on the lane's connection if that leads to the same server. The
/// server may have closed it meanwhile: then a new one is made.
Awaitable<Result<http::ReplyParser>> WebSeedLanes::ask_once(std::shared_ptr<WebSeedLanes> self, LanePtr lane,
                                                            http::HttpUrl url, http::LocalAccess access,
                                                            ByteRange in_file, TimePoint deadline) {
    bool kept = lane->connection && lane->connected_to->same_origin(url) && lane->connection->is_quiet();
    std::vector<char> chunk(kChunk / 8);
    for (;;) {
        if (!kept) {
            lane->drop_connection();
            lane->place = self->place_at(url, lane);
            if (!lane->place) co_return make_error_code(Errc::web_seed_busy);
            HttpConnector::Target target;
            target.url = url;
            target.access = access;
            auto connection = co_await self->setup_.connector.connect(std::move(target), deadline);
            if (self->is_over(*lane)) co_return make_error_code(Errc::cancelled);
            if (!connection) co_return connection.error();
            lane->connection = std::move(*connection);
            lane->connected_to = url;
        }
        // The lane keeps its connection while this waits for it, though it may be closed meanwhile.
        HttpConnection& connection = *lane->connection;
        http::ReplyParser parser({.max_body_size = std::numeric_limits<std::uint64_t>::max()});
        Error error = co_await connection.write(self->request_for(url, in_file, connection), deadline);
        bool any = false;
        while (!error && !parser.header_done()) {
            if (self->is_over(*lane)) co_return make_error_code(Errc::cancelled);
            const auto size = co_await connection.read(chunk, deadline);
            if (!size) error = size.error();
            if (size && *size == 0) error = parser.feed_end();
            if (size && *size > 0) error = parser.feed({chunk.data(), *size});
            any = any || (size && *size > 0);
        }
        if (self->is_over(*lane)) co_return make_error_code(Errc::cancelled);
        if (!error) co_return parser;
        if (!kept || any) co_return error;
        kept = false;
    }
}

/// Reads what an HTTP seed says of the time to wait; empty if it is longer than a number, or does not come.
Awaitable<std::string> WebSeedLanes::short_body(std::shared_ptr<WebSeedLanes> self, LanePtr lane,
                                                http::ReplyParser& parser) {
    const TimePoint deadline = Clock::now() + webseed::WebSeed::kReplyTimeout;
    std::string body = parser.take_body();
    std::array<char, 256> chunk;
    while (!parser.done() && body.size() <= kMaxNumber) {
        const auto size = co_await lane->connection->read(chunk, deadline);
        if (self->is_over(*lane) || !size) co_return std::string();
        if (*size == 0 ? parser.feed_end() : parser.feed({chunk.data(), *size})) co_return std::string();
        body += parser.take_body();
    }
    co_return body.size() <= kMaxNumber ? body : std::string();
}

/// Reads the body as far as it is wanted, until it ends.
Awaitable<Error> WebSeedLanes::take_body(std::shared_ptr<WebSeedLanes> self, LanePtr lane, LaneId id,
                                         http::ReplyParser parser) {
    std::vector<char> chunk;
    std::string held = parser.take_body();
    std::size_t begin = 0;
    TimePoint last_read{};
    for (;;) {
        if (self->is_over(*lane)) co_return make_error_code(Errc::cancelled);
        const std::uint64_t wanted = self->machine_.wanted(id);
        // Of a body without a length the end is still to be read once all of it has come.
        const bool at_end = self->machine_.has_all(id);
        if (begin == held.size() && parser.done()) break;
        if (at_end && begin < held.size()) co_return make_error_code(Errc::http_too_large);
        if (wanted == 0 && !at_end) {
            co_await rest(lane);
            continue;
        }
        if (begin == held.size()) {
            chunk.resize(kChunk);
            const std::size_t most = at_end ? 1024 : std::min<std::uint64_t>(wanted, chunk.size());
            // Of a chunked body nobody knows how many bytes are still to come.
            const TimePoint now = Clock::now();
            const bool quick = parser.body_size() && !at_end && now < last_read + kQuick;
            const std::size_t low_water = quick ? self->machine_.worth_reading(id) : 1;
            const auto size =
                co_await lane->connection->read(std::span(chunk).first(most), now + kBackstop, low_water);
            last_read = Clock::now();
            if (self->is_over(*lane)) co_return make_error_code(Errc::cancelled);
            if (!size) co_return size.error();
            const Error error = *size == 0 ? parser.feed_end() : parser.feed({chunk.data(), *size});
            if (error) co_return error;
            held = parser.take_body();
            begin = 0;
            continue;
        }
        const std::size_t n = std::min<std::uint64_t>(wanted, held.size() - begin);
        const ByteView bytes = as_bytes(std::string_view(held).substr(begin, n));
        begin += n;
        self->machine_.on_body(id, bytes, Clock::now());
        self->after_event_();
    }
    const bool keeps = parser.keeps_connection();
    if (!keeps) lane->drop_connection();
    self->machine_.on_end(id, keeps, Clock::now());
    self->after_event_();
    co_return Error{};
}

/// The URL of a request without redirects.
std::string WebSeedLanes::url_of(const webseed::Fetch& fetch) const {
    if (const auto* pieces = std::get_if<webseed::PieceUrls>(&setup_.urls)) return pieces->url(fetch.in_file);
    return std::get<webseed::FileUrls>(setup_.urls).url(fetch.file);
}

/// Returns what a URL of the torrent may reach. The query that BEP 17 adds is not of the torrent's choice.
http::LocalAccess WebSeedLanes::access_of(const http::HttpUrl& url) const {
    if (setup_.most_access == http::LocalAccess::everything) return setup_.most_access;
    const auto* pieces = std::get_if<webseed::PieceUrls>(&setup_.urls);
    const auto own = pieces ? http::HttpUrl::parse(pieces->seed_url()) : Result<http::HttpUrl>(url);
    return own ? http::web_seed_access_of(own->target) : http::LocalAccess::nothing;
}

/// Takes a place for a connection of the lane, which gives it up while it has no request.
HostPlaces::Place WebSeedLanes::place_at(const http::HttpUrl& url, const LanePtr& lane) {
    const auto give_up = [owner = weak_from_this(), weak = std::weak_ptr(lane)] {
        const auto self = owner.lock();
        const auto found = weak.lock();
        if (!self || !found || self->is_over(*found) || found->busy || found->next) return false;
        for (const auto& [id, known] : self->lanes_) {
            if (known != found) continue;
            self->machine_.on_failed(id, Errc::cancelled, Clock::now());
            self->after_event_();
            return true;
        }
        return false;
    };
    return setup_.places.take(url.host + ':' + std::to_string(url.port), give_up);
}

std::string WebSeedLanes::request_for(const http::HttpUrl& url, ByteRange in_file,
                                      const HttpConnection& connection) const {
    std::string text = connection.request_head(url) + "User-Agent: " + setup_.user_agent +
                       "\r\nAccept: */*\r\nAccept-Encoding: identity\r\n";
    if (!by_pieces_)
        text +=
            "Range: bytes=" + std::to_string(in_file.begin) + '-' + std::to_string(in_file.end - 1) + "\r\n";
    if (!url.credentials.empty()) text += "Authorization: " + url.authorization() + "\r\n";
    return text + "\r\n";
}

}  // namespace btfs::net
