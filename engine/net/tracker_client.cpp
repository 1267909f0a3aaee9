#include "engine/net/tracker_client.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "engine/log/log.hpp"
#include "engine/tracker/http_announce.hpp"
#include "engine/tracker/tracker_url.hpp"

namespace btfs::net {

using tracker::AnnounceJob;
using tracker::AnnounceReply;

namespace {

Families families_of(AddressFamily family) {
    return family == AddressFamily::v4 ? Families::v4 : Families::v6;
}

void note_tracker(AnnounceReply& reply, const Address& address) {
    if (const std::size_t dropped = reply.set_tracker(address); dropped > 0)
        log::debug("the tracker at {} names {} peers of private networks, which are not dialled",
                   address.text(), dropped);
}

}  // namespace

struct TrackerClient::UdpExchange {
    explicit UdpExchange(boost::asio::io_context& io, Done on_done)
        : done(std::move(on_done)), timer(io), deadline(io) {}

    Done done;
    boost::asio::steady_timer timer;
    boost::asio::steady_timer deadline;
    Endpoint to;
    std::optional<tracker::UdpAnnounce> machine;
    std::uint32_t transaction = 0;  ///< that is subscribed to
    UdpMux::Subscription subscription = 0;
};

TrackerClient::TrackerClient(Connector& connector, HttpClient& http, std::uint64_t seed)
    : connector_(connector), http_(http), rng_(seed), tasks_(connector.io().get_executor()) {}

TrackerClient::~TrackerClient() = default;

AnnounceTicket TrackerClient::announce(AnnounceJob job, Done done) {
    const AnnounceTicket ticket = next_id_++;
    auto url = tracker::TrackerUrl::parse(job.url);
    if (!url) {
        boost::asio::post(connector_.io(), [done = std::move(done), error = url.error()] { done(error); });
        return ticket;
    }
    names_[ticket] = {url->host, families_of(job.family)};
    if (url->scheme != tracker::TrackerScheme::udp) {
        const Place place{!job.urgent, ticket};
        const TimePoint deadline = Clock::now() + job.timeout;
        queue_.emplace(place, Queued{std::move(job), deadline, std::move(done)});
        send_queued();
        return ticket;
    }
    auto& exchange = exchanges_[ticket] = std::make_unique<UdpExchange>(connector_.io(), std::move(done));
    exchange->deadline.expires_after(job.timeout);
    exchange->deadline.async_wait([this, ticket](Error error) {
        if (!error) finish(ticket, Errc::tracker_timed_out);
    });
    tasks_.spawn("announce", announce_udp(std::move(job), std::move(*url), ticket));
    return ticket;
}

void TrackerClient::hurry(AnnounceTicket ticket) {
    auto queued = queue_.extract(Place{true, ticket});
    if (!queued.empty()) {
        queued.key().ordinary = false;
        queued.mapped().job.urgent = true;
        queue_.insert(std::move(queued));
        return send_queued();
    }
    if (const auto found = names_.find(ticket); found != names_.end())
        connector_.hurry(found->second.name, found->second.families);
}

void TrackerClient::send_queued() {
    while (!queue_.empty()) {
        const auto first = queue_.begin();
        if (http_under_way_ >= (first->first.ordinary ? kMaxHttp - kKeptForUrgent : kMaxHttp)) return;
        auto node = queue_.extract(first);
        ++http_under_way_;
        tasks_.spawn("announce", announce_http(node.key().ticket, std::move(node.mapped())));
    }
}

Awaitable<void> TrackerClient::announce_http(AnnounceTicket ticket, Queued queued) {
    Result<AnnounceReply> reply = co_await ask_over_http(queued);
    --http_under_way_;
    names_.erase(ticket);
    // Posted, so that `done` is never called inside announce(): a name that needs no lookup may fail at once.
    boost::asio::post(connector_.io(),
                      [done = std::move(queued.done), reply = std::move(reply)] { done(reply); });
    send_queued();
}

Awaitable<Result<AnnounceReply>> TrackerClient::ask_over_http(const Queued& queued) {
    const AnnounceJob& job = queued.job;
    const TimePoint now = Clock::now();
    const auto target = tracker::TrackerUrl::parse(job.url);
    auto url = tracker::http_announce_url(job.url, job.request);
    if (!target || !url) co_return make_error_code(Errc::tracker_bad_url);
    if (queued.deadline <= now) co_return make_error_code(Errc::tracker_timed_out);
    HttpRequest request;
    request.url = std::move(*url);
    request.families = families_of(job.family);
    request.timeout = queued.deadline - now;
    request.max_body_size = tracker::kMaxHttpReplySize;
    request.local_access = http::local_access_of(target->target);
    request.look_up = job.urgent ? LookUp::urgent : LookUp::ordinary;
    const Result<HttpResponse> response = co_await http_.get(std::move(request));
    if (!response) co_return response.error();
    auto reply = tracker::parse_http_announce(as_bytes(response->body));
    // The body is not a reply to an announce, so the HTTP status tells more than the parse error.
    if (!reply && response->status >= 400) co_return make_error_code(Errc::http_status);
    if (reply) note_tracker(*reply, response->server);
    co_return reply;
}

Awaitable<void> TrackerClient::announce_udp(AnnounceJob job, tracker::TrackerUrl url, AnnounceTicket ticket) {
    const Result<std::vector<Address>> addresses = co_await connector_.resolve(
        url.host, families_of(job.family), job.timeout, job.urgent ? LookUp::urgent : LookUp::ordinary);
    if (!exchanges_.contains(ticket)) co_return;
    if (addresses) {
        begin_udp(ticket, {addresses->front(), url.port}, url.target, job);
    } else {
        finish(ticket, addresses.error());
    }
}

void TrackerClient::begin_udp(std::uint64_t id, const Endpoint& to, const std::string& target,
                              const AnnounceJob& job) {
    UdpExchange& exchange = *exchanges_[id];
    const TimePoint now = Clock::now();
    std::optional<tracker::UdpConnection> known;
    if (auto found = connections_.find(to); found != connections_.end() && found->second.alive(now))
        known = found->second;
    std::erase_if(connections_, [&](const auto& entry) { return !entry.second.alive(now); });
    exchange.to = to;
    exchange.machine.emplace(job.request, job.family, target, known, rng_, now);
    pump(id);
}

/// Subscribes to the transaction of the day: an announce begins one to connect, and one more to announce.
void TrackerClient::listen(std::uint64_t id) {
    UdpExchange& exchange = *exchanges_[id];
    const std::uint32_t transaction = exchange.machine->transaction();
    if (exchange.subscription != 0 && exchange.transaction == transaction) return;
    connector_.udp().unsubscribe(exchange.subscription);
    exchange.transaction = transaction;
    exchange.subscription =
        connector_.udp().subscribe(exchange.to, transaction, [this, id](ByteView datagram) {
            auto found = exchanges_.find(id);
            if (found == exchanges_.end()) return;
            found->second->machine->handle_datagram(datagram, Clock::now());
            pump(id);
        });
}

void TrackerClient::pump(std::uint64_t id) {
    UdpExchange& exchange = *exchanges_[id];
    listen(id);
    while (auto datagram = exchange.machine->poll_datagram())
        if (Error error = connector_.udp().send(exchange.to, *datagram)) return finish(id, error);
    if (exchange.machine->connection()) connections_[exchange.to] = *exchange.machine->connection();
    if (const auto& result = exchange.machine->result()) return finish(id, *result);
    exchange.timer.expires_at(exchange.machine->next_timeout());
    exchange.timer.async_wait([this, id](Error error) {
        if (error || !exchanges_.contains(id)) return;
        exchanges_[id]->machine->handle_timeout(Clock::now());
        pump(id);
    });
}

void TrackerClient::finish(std::uint64_t id, Result<AnnounceReply> result) {
    names_.erase(id);
    auto node = exchanges_.extract(id);
    if (node.empty()) return;
    if (result) note_tracker(*result, node.mapped()->to.address);
    connector_.udp().unsubscribe(node.mapped()->subscription);
    // Posted, so that `done` is never called inside announce(): announce() itself comes here if a send fails
    // at once.
    boost::asio::post(connector_.io(),
                      [done = std::move(node.mapped()->done), result = std::move(result)] { done(result); });
}

}  // namespace btfs::net
