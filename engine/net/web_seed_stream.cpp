#include "engine/net/web_seed_stream.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "engine/http/http_url.hpp"
#include "engine/http/reply_parser.hpp"
#include "engine/log/log.hpp"
#include "engine/webseed/web_seed.hpp"
#include "engine/wire/extended.hpp"
#include "engine/wire/messages.hpp"

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

/// The far side. All of it is on the engine thread; nothing of it runs once `closed` is set.
class WebSeedStream::Core : public std::enable_shared_from_this<Core> {
  public:
    explicit Core(Setup the_setup)
        : setup(std::move(the_setup)),
          by_pieces(std::holds_alternative<webseed::PieceUrls>(setup.urls)),
          machine(setup.layout, setup.memory, setup.gap_end, Clock::now(),
                  by_pieces ? webseed::Protocol::pieces : webseed::Protocol::files),
          timer(setup.io) {}

    // ---- the peer's side ----
    Result<std::size_t> read(std::span<const iovec> into);
    void take(ByteView bytes);
    void signal_readable();
    void piece_failed(PieceIndex piece) {
        machine.on_piece_failed(piece, Clock::now());
        after_event();
    }
    void close();

    const Setup setup;
    const bool by_pieces;  ///< it is an HTTP seed (BEP 17)
    Ready readable;
    bool closed = false;

  private:
    using LaneId = webseed::LaneId;
    /// One HTTP connection, and the coroutine that drives it.
    struct Lane {
        explicit Lane(asio::io_context& io) : wake(io) {}
        void drop_connection() {
            connection.reset();
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
    using LanePtr = std::shared_ptr<Lane>;
    struct Reply {
        http::ReplyParser parser;
        webseed::SeedMemory::Place place;
        bool redirected = false;
    };

    void greet();
    void handle(ByteView body);
    void send(const wire::Message& message);
    void send_block(webseed::BlockReady ready);
    void set_choking(bool choking);

    void after_event();
    void arm_timer();
    void carry_out(const webseed::Fetch& action);
    void carry_out(const webseed::CloseLane& action);
    void carry_out(webseed::BlockReady& action) { send_block(std::move(action)); }
    void carry_out(const webseed::BlockDenied& action);
    void carry_out(const webseed::Rested& action);
    void carry_out(const webseed::Resumed&) { set_choking(false); }
    void carry_out(const webseed::PieceOffered& action) { send(wire::Have{action.piece}); }
    void carry_out(const webseed::PieceWithdrawn& action);
    void carry_out(const webseed::FileDistrusted& action);
    void carry_out(const webseed::Ended& action);

    static Awaitable<void> run(std::shared_ptr<Core> core, LanePtr lane, LaneId id);
    static Awaitable<void> rest(LanePtr lane);
    static Awaitable<Error> serve(std::shared_ptr<Core> core, LanePtr lane, LaneId id, webseed::Fetch fetch);
    static Awaitable<Result<Reply>> ask(std::shared_ptr<Core> core, LanePtr lane, webseed::Fetch fetch);
    static Awaitable<Result<http::ReplyParser>> ask_once(std::shared_ptr<Core> core, LanePtr lane,
                                                         http::HttpUrl url, http::LocalAccess access,
                                                         ByteRange in_file, TimePoint deadline);
    static Awaitable<std::string> short_body(std::shared_ptr<Core> core, LanePtr lane,
                                             http::ReplyParser& parser);
    static Awaitable<Error> take_body(std::shared_ptr<Core> core, LanePtr lane, LaneId id,
                                      http::ReplyParser parser);
    http::LocalAccess access_of(const http::HttpUrl& url) const;
    std::string url_of(const webseed::Fetch& fetch) const;
    std::string shown_url(FileIndex file) const;
    bool is_over(const Lane& lane) const { return closed || lane.closed; }
    HostPlaces::Place place_at(const http::HttpUrl& url, const LanePtr& lane);
    std::string request_for(const http::HttpUrl& url, ByteRange in_file,
                            const HttpConnection& connection) const;

    webseed::WebSeed machine;
    std::map<LaneId, LanePtr> lanes;
    Bytes in;                   ///< a message of ours that is not whole
    std::deque<Bytes> out;      ///< to be read
    std::size_t out_begin = 0;  ///< bytes of the first that were read
    bool greeted = false;
    bool choking = true;
    bool failed_before = false;
    Error broken;
    asio::steady_timer timer;
    TimePoint armed = kNever;
};

// ---- the peer's side ----

Result<std::size_t> WebSeedStream::Core::read(std::span<const iovec> into) {
    std::size_t taken = 0;
    for (const iovec& place : into) {
        std::size_t filled = 0;
        while (filled < place.iov_len && !out.empty()) {
            const std::size_t n = std::min(place.iov_len - filled, out.front().size() - out_begin);
            std::memcpy(static_cast<std::byte*>(place.iov_base) + filled, out.front().data() + out_begin, n);
            filled += n;
            out_begin += n;
            if (out_begin < out.front().size()) continue;
            out.pop_front();
            out_begin = 0;
        }
        taken += filled;
        if (out.empty()) break;
    }
    if (taken == 0 && broken) return broken;
    return taken;
}

/// Takes bytes of our side, and handles the messages that are whole.
void WebSeedStream::Core::take(ByteView bytes) {
    in.insert(in.end(), bytes.begin(), bytes.end());
    std::size_t at = 0;
    if (!greeted) {
        if (in.size() < wire::Handshake::kSize) return;
        at = wire::Handshake::kSize;
        greet();
    }
    for (;;) {
        ByteReader reader(ByteView(in).subspan(at));
        if (reader.rest().size() < 4) break;
        const std::uint32_t size = reader.u32();
        if (reader.rest().size() < size) break;
        if (size == 0) send(wire::KeepAlive{});  // answered, so that neither side takes the other for dead
        if (size > 0) handle(reader.take(size));
        at += 4 + size;
    }
    in.erase(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(at));
    machine.settle(Clock::now());
    after_event();
}

void WebSeedStream::Core::greet() {
    greeted = true;
    wire::Handshake handshake;
    handshake.capabilities = {.fast = true, .extended = true};
    handshake.info_hash = setup.info_hash;
    handshake.peer_id = setup.peer_id;
    const auto raw = handshake.encode();
    out.emplace_back(raw.begin(), raw.end());
    if (machine.offered().all()) {
        send(wire::HaveAll{});
    } else {
        send(wire::BitfieldMessage{machine.offered().bytes()});
    }
    wire::ExtendedHandshake extended;
    extended.reqq = kReqq;
    extended.upload_only = true;
    extended.client = "web seed";
    const Bytes payload = extended.encode();
    send(wire::Extended{wire::kExtendedHandshakeId, payload});
    if (!machine.resting()) set_choking(false);
}

void WebSeedStream::Core::handle(ByteView body) {
    const auto message = wire::parse_message(body);
    if (!message) return;
    if (const auto* request = std::get_if<wire::Request>(&*message)) {
        machine.request(request->block);
    } else if (const auto* cancel = std::get_if<wire::Cancel>(&*message)) {
        if (machine.cancel(cancel->block)) send(wire::RejectRequest{cancel->block});
    }
}

void WebSeedStream::Core::send(const wire::Message& message) {
    if (out.empty() || out.back().size() >= kBlockSize) out.emplace_back();
    wire::append_message(out.back(), message);
}

void WebSeedStream::Core::send_block(webseed::BlockReady ready) {
    std::array<std::byte, wire::kPieceHeaderSize> header;
    wire::write_piece_header(header, ready.block);
    out.emplace_back(header.begin(), header.end());
    out.push_back(std::move(ready.data));
}

void WebSeedStream::Core::set_choking(bool value) {
    if (!greeted || std::exchange(choking, value) == value) return;
    value ? send(wire::Choke{}) : send(wire::Unchoke{});
}

void WebSeedStream::Core::signal_readable() {
    if (!readable || (out.empty() && !broken)) return;
    asio::post(setup.io, [core = shared_from_this(), ready = std::exchange(readable, nullptr)] {
        if (!core->closed) ready({});
    });
}

void WebSeedStream::Core::close() {
    closed = true;
    readable = nullptr;
    timer.cancel();
    for (auto& [id, lane] : lanes) {
        lane->closed = true;
        lane->wake.cancel();
        if (lane->connection) lane->connection->close();
        lane->place.free();
    }
    lanes.clear();
}

// ---- actions of the machine ----

void WebSeedStream::Core::after_event() {
    if (closed) return;
    for (auto actions = machine.take_actions(); !actions.empty(); actions = machine.take_actions())
        for (webseed::SeedAction& action : actions) std::visit([this](auto& a) { carry_out(a); }, action);
    if (!machine.resting() && !broken) set_choking(false);
    for (auto& [id, lane] : lanes) lane->wake.cancel();
    signal_readable();
    arm_timer();
}

void WebSeedStream::Core::arm_timer() {
    const TimePoint next = machine.next_timeout();
    if (next >= armed || broken) return;  // the timer fires earlier and is armed anew then
    armed = next;
    timer.expires_at(next);
    timer.async_wait([core = shared_from_this()](Error error) {
        if (error || core->closed) return;
        core->armed = kNever;
        core->machine.handle_timeout(Clock::now());
        core->after_event();
    });
}

void WebSeedStream::Core::carry_out(const webseed::Fetch& action) {
    const auto [found, is_new] = lanes.try_emplace(action.lane);
    if (is_new) found->second = std::make_shared<Lane>(setup.io);
    found->second->next = action;
    if (is_new)
        setup.tasks.spawn("connection to a web seed", run(shared_from_this(), found->second, action.lane));
}

void WebSeedStream::Core::carry_out(const webseed::CloseLane& action) {
    const auto found = lanes.find(action.lane);
    if (found == lanes.end()) return;
    found->second->closed = true;
    found->second->wake.cancel();
    if (found->second->connection) found->second->connection->close();
    found->second->place.free();
    lanes.erase(found);
}

/// A peer that refuses without choking us would count as silent.
void WebSeedStream::Core::carry_out(const webseed::BlockDenied& action) {
    set_choking(true);
    send(wire::RejectRequest{action.block});
}

void WebSeedStream::Core::carry_out(const webseed::Rested& action) {
    log::at(std::exchange(failed_before, true) ? log::Level::debug : log::Level::info,
            "{}: {}; tried again in {:.0f} s", setup.name, action.reason.message(), seconds(action.length));
    set_choking(true);
}

void WebSeedStream::Core::carry_out(const webseed::PieceWithdrawn& action) {
    const Bytes payload = wire::encode_dont_have(action.piece);
    send(wire::Extended{wire::kDontHaveId, payload});
}

void WebSeedStream::Core::carry_out(const webseed::FileDistrusted& action) {
    log::info("{}: {} is not asked for any more: {}", setup.name,
              http::without_credentials(shown_url(action.file)), action.reason.message());
}

void WebSeedStream::Core::carry_out(const webseed::Ended& action) {
    log::info("{}: not used any more: {}", setup.name, action.reason.message());
    broken = action.reason;
    set_choking(true);
}

// ---- the server's side ----

Awaitable<void> WebSeedStream::Core::run(std::shared_ptr<Core> core, LanePtr lane, LaneId id) {
    while (!core->is_over(*lane)) {
        if (!lane->next) {
            co_await rest(lane);
            continue;
        }
        const webseed::Fetch fetch = *std::exchange(lane->next, std::nullopt);
        lane->busy = true;
        const Error error = co_await serve(core, lane, id, fetch);
        lane->busy = false;
        if (!error) continue;
        lane->drop_connection();
        if (core->is_over(*lane)) co_return;
        core->machine.on_failed(id, error, Clock::now());
        core->after_event();
    }
}

/// Waits for a wake-up.
Awaitable<void> WebSeedStream::Core::rest(LanePtr lane) {
    lane->wake.expires_after(kBackstop);
    co_await lane->wake.async_wait(asio::as_tuple(asio::use_awaitable));
}

/// Carries out one request, up to the end of its body. Returns without an error once the machine knows how
/// that went.
Awaitable<Error> WebSeedStream::Core::serve(std::shared_ptr<Core> core, LanePtr lane, LaneId id,
                                            webseed::Fetch fetch) {
    Result<Reply> reply = co_await ask(core, lane, fetch);
    if (core->is_over(*lane)) co_return make_error_code(Errc::cancelled);
    if (!reply) co_return reply.error();
    if (reply->redirected && !core->by_pieces)
        core->setup.memory.set_place(fetch.file, std::move(reply->place));
    http::ReplyParser& parser = reply->parser;
    std::string told;
    if (core->by_pieces && parser.status() == 503) told = co_await short_body(core, lane, parser);
    if (core->is_over(*lane)) co_return make_error_code(Errc::cancelled);
    core->machine.on_reply(id,
                           {.status = parser.status(),
                            .content_range = parser.field("content-range"),
                            .content_encoding = parser.field("content-encoding"),
                            .retry_after = told.empty() ? parser.field("retry-after") : told,
                            .body_size = parser.body_size()},
                           Clock::now());
    core->after_event();
    if (core->is_over(*lane)) co_return make_error_code(Errc::cancelled);
    const Error error = co_await take_body(core, lane, id, std::move(parser));
    co_return error;
}

/// Asks for a range, and follows redirects. Reads the reply's header, and the part of the body that came
/// with it.
Awaitable<Result<WebSeedStream::Core::Reply>> WebSeedStream::Core::ask(std::shared_ptr<Core> core,
                                                                       LanePtr lane, webseed::Fetch fetch) {
    const TimePoint deadline = Clock::now() + webseed::WebSeed::kReplyTimeout;
    // An HTTP seed has a URL for each range: it is asked again where a redirect leads.
    const webseed::SeedMemory::Place* known =
        core->by_pieces ? nullptr : core->setup.memory.place_of(fetch.file);
    const std::string own_url = core->url_of(fetch);
    const std::string text = known ? known->url : own_url;
    bool remembered = known != nullptr;
    auto url = http::HttpUrl::parse(text);
    if (!url) co_return make_error_code(Errc::http_bad_url);
    if (known) url->credentials = known->credentials;
    http::LocalAccess access = known ? known->access : core->access_of(*url);
    bool from_public = known && known->from_public;
    for (unsigned redirects = 0;;) {
        auto parser = co_await ask_once(core, lane, *url, access, fetch.in_file, deadline);
        if (core->is_over(*lane)) co_return make_error_code(Errc::cancelled);
        if (!parser && parser.error() == Errc::http_local_refused && from_public)
            co_return make_error_code(Errc::http_redirect_refused);
        if (!parser) co_return parser.error();
        const auto location = redirect_location(parser->status(), parser->field("location"));
        if (!location && std::exchange(remembered, false) && parser->status() >= 400) {
            // Where a redirect leads to may be good for a while only.
            core->setup.memory.forget_place(fetch.file);
            lane->drop_connection();
            url = http::HttpUrl::parse(own_url);
            if (!url) co_return make_error_code(Errc::http_bad_url);
            access = core->access_of(*url);
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
        access = from_public ? http::LocalAccess::nothing : core->setup.most_access;
        lane->drop_connection();
        url = std::move(next);
    }
}

/// One request and the header of its reply, on the lane's connection if that leads to the same server. The
/// server may have closed it meanwhile: then a new one is made.
Awaitable<Result<http::ReplyParser>> WebSeedStream::Core::ask_once(std::shared_ptr<Core> core, LanePtr lane,
                                                                   http::HttpUrl url,
                                                                   http::LocalAccess access,
                                                                   ByteRange in_file, TimePoint deadline) {
    bool kept = lane->connection && lane->connected_to->same_origin(url) && lane->connection->is_quiet();
    std::vector<char> chunk(kChunk / 8);
    for (;;) {
        if (!kept) {
            lane->drop_connection();
            lane->place = core->place_at(url, lane);
            if (!lane->place) co_return make_error_code(Errc::web_seed_busy);
            HttpConnector::Target target;
            target.url = url;
            target.access = access;
            auto connection = co_await core->setup.connector.connect(std::move(target), deadline);
            if (core->is_over(*lane)) co_return make_error_code(Errc::cancelled);
            if (!connection) co_return connection.error();
            lane->connection = std::move(*connection);
            lane->connected_to = url;
        }
        // The lane keeps its connection while this waits for it, though it may be closed meanwhile.
        HttpConnection& connection = *lane->connection;
        http::ReplyParser parser({.max_body_size = std::numeric_limits<std::uint64_t>::max()});
        Error error = co_await connection.write(core->request_for(url, in_file, connection), deadline);
        bool any = false;
        while (!error && !parser.header_done()) {
            if (core->is_over(*lane)) co_return make_error_code(Errc::cancelled);
            const auto size = co_await connection.read(chunk, deadline);
            if (!size) error = size.error();
            if (size && *size == 0) error = parser.feed_end();
            if (size && *size > 0) error = parser.feed({chunk.data(), *size});
            any = any || (size && *size > 0);
        }
        if (core->is_over(*lane)) co_return make_error_code(Errc::cancelled);
        if (!error) co_return parser;
        if (!kept || any) co_return error;
        kept = false;
    }
}

/// Reads what an HTTP seed says of the time to wait; empty if it is longer than a number, or does not come.
Awaitable<std::string> WebSeedStream::Core::short_body(std::shared_ptr<Core> core, LanePtr lane,
                                                       http::ReplyParser& parser) {
    const TimePoint deadline = Clock::now() + webseed::WebSeed::kReplyTimeout;
    std::string body = parser.take_body();
    std::array<char, 256> chunk;
    while (!parser.done() && body.size() <= kMaxNumber) {
        const auto size = co_await lane->connection->read(chunk, deadline);
        if (core->is_over(*lane) || !size) co_return std::string();
        if (*size == 0 ? parser.feed_end() : parser.feed({chunk.data(), *size})) co_return std::string();
        body += parser.take_body();
    }
    co_return body.size() <= kMaxNumber ? body : std::string();
}

/// Reads the body as far as it is wanted, until it ends.
Awaitable<Error> WebSeedStream::Core::take_body(std::shared_ptr<Core> core, LanePtr lane, LaneId id,
                                                http::ReplyParser parser) {
    std::vector<char> chunk;
    std::string held = parser.take_body();
    std::size_t begin = 0;
    TimePoint last_read{};
    for (;;) {
        if (core->is_over(*lane)) co_return make_error_code(Errc::cancelled);
        const std::uint64_t wanted = core->machine.wanted(id);
        // Of a body without a length the end is still to be read once all of it has come.
        const bool at_end = core->machine.has_all(id);
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
            const std::size_t low_water = quick ? core->machine.worth_reading(id) : 1;
            const auto size =
                co_await lane->connection->read(std::span(chunk).first(most), now + kBackstop, low_water);
            last_read = Clock::now();
            if (core->is_over(*lane)) co_return make_error_code(Errc::cancelled);
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
        core->machine.on_body(id, bytes, Clock::now());
        core->after_event();
    }
    const bool keeps = parser.keeps_connection();
    if (!keeps) lane->drop_connection();
    core->machine.on_end(id, keeps, Clock::now());
    core->after_event();
    co_return Error{};
}

/// The URL of a request without redirects.
std::string WebSeedStream::Core::url_of(const webseed::Fetch& fetch) const {
    if (const auto* pieces = std::get_if<webseed::PieceUrls>(&setup.urls)) return pieces->url(fetch.in_file);
    return std::get<webseed::FileUrls>(setup.urls).url(fetch.file);
}

/// For the log.
std::string WebSeedStream::Core::shown_url(FileIndex file) const {
    if (const auto* pieces = std::get_if<webseed::PieceUrls>(&setup.urls)) return pieces->seed_url();
    return std::get<webseed::FileUrls>(setup.urls).url(file);
}

/// What a URL of the torrent may reach. The query that BEP 17 adds is not of the torrent's choice.
http::LocalAccess WebSeedStream::Core::access_of(const http::HttpUrl& url) const {
    if (setup.most_access == http::LocalAccess::everything) return setup.most_access;
    const auto* pieces = std::get_if<webseed::PieceUrls>(&setup.urls);
    const auto own = pieces ? http::HttpUrl::parse(pieces->seed_url()) : Result<http::HttpUrl>(url);
    return own ? http::web_seed_access_of(own->target) : http::LocalAccess::nothing;
}

/// Takes a place for a connection of the lane, which gives it up while it has no request.
HostPlaces::Place WebSeedStream::Core::place_at(const http::HttpUrl& url, const LanePtr& lane) {
    const auto give_up = [core = weak_from_this(), weak = std::weak_ptr(lane)] {
        const auto self = core.lock();
        const auto found = weak.lock();
        if (!self || !found || self->is_over(*found) || found->busy || found->next) return false;
        for (const auto& [id, known] : self->lanes) {
            if (known != found) continue;
            self->machine.on_failed(id, Errc::cancelled, Clock::now());
            self->after_event();
            return true;
        }
        return false;
    };
    return setup.places.take(url.host + ':' + std::to_string(url.port), give_up);
}

std::string WebSeedStream::Core::request_for(const http::HttpUrl& url, ByteRange in_file,
                                             const HttpConnection& connection) const {
    std::string text = connection.request_head(url) + "User-Agent: " + setup.user_agent +
                       "\r\nAccept: */*\r\nAccept-Encoding: identity\r\n";
    if (!by_pieces)
        text +=
            "Range: bytes=" + std::to_string(in_file.begin) + '-' + std::to_string(in_file.end - 1) + "\r\n";
    if (!url.credentials.empty()) text += "Authorization: " + url.authorization() + "\r\n";
    return text + "\r\n";
}

// ---- the stream ----

WebSeedStream::WebSeedStream(Setup setup) : core_(std::make_shared<Core>(std::move(setup))) {}

WebSeedStream::~WebSeedStream() {
    core_->close();
}

void WebSeedStream::on_piece_failed(PieceIndex piece) {
    core_->piece_failed(piece);
}

Result<std::size_t> WebSeedStream::read(std::span<const iovec> into) {
    return core_->read(into);
}

Result<std::size_t> WebSeedStream::write(std::span<const iovec> from) {
    Bytes all;
    for (const iovec& part : from) {
        const auto* bytes = static_cast<const std::byte*>(part.iov_base);
        all.insert(all.end(), bytes, bytes + part.iov_len);
    }
    core_->take(all);
    return all.size();
}

void WebSeedStream::wait_readable(Ready ready) {
    core_->readable = std::move(ready);
    core_->signal_readable();
}

void WebSeedStream::wait_writable(Ready ready) {
    asio::post(core_->setup.io, [core = core_, ready = std::move(ready)] {
        if (!core->closed) ready({});
    });
}

const Endpoint& WebSeedStream::remote() const {
    return core_->setup.stand_in;
}

}  // namespace btfs::net
