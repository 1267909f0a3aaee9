#include "engine/net/dialer.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <ranges>
#include <utility>

#include "engine/log/log.hpp"
#include "engine/net/asio_endpoint.hpp"
#include "engine/net/encrypted_stream.hpp"
#include "engine/net/handshake_exchange.hpp"
#include "engine/net/tcp_stream.hpp"
#include "engine/net/utp_streams.hpp"

namespace btfs::net {

using boost::asio::ip::tcp;

struct Dialer::HalfOpen {
    Queue* queue;
    tcp::socket socket;
    boost::asio::steady_timer timer;
    boost::asio::steady_timer head_start;  ///< of the transport that goes first
    Endpoint endpoint;
    Encryption encryption;
    Done done;
    TimePoint begun;
    std::unique_ptr<UtpStreams::Dial> utp = nullptr;
    bool tries_tcp = false;
    std::optional<Transport> other = std::nullopt;  ///< that starts after the first one's head start
    /// Connected over uTP, while TCP may still come.
    std::optional<UtpStreams::Dialled> held = std::nullopt;
    Error failure = {};                             ///< the first one
    std::optional<Dialled> dialled = std::nullopt;  ///< once it is connected
    std::optional<mse::Initiator> initiator = std::nullopt;
    std::optional<HandshakeExchange> exchange = std::nullopt;  ///< of the initiator, while that is not done
};

Dialer::Dialer(SocketFactory& sockets, Duration timeout) : sockets_(sockets), timeout_(timeout) {}

Dialer::~Dialer() {
    assert(half_open_.empty());
}

bool Dialer::may_start(DialUrgency urgency) const {
    const std::size_t limit = urgency == DialUrgency::idle     ? kMaxHalfOpenIdle
                              : urgency == DialUrgency::active ? kMaxHalfOpenActive
                                                               : kMaxHalfOpen;
    return half_open_.size() < limit && (!may_start_ || may_start_(urgency));
}

void Dialer::start_waiting() {
    for (const DialUrgency urgency : {DialUrgency::reader_waits, DialUrgency::active, DialUrgency::idle}) {
        auto& queues = queues_of(urgency);
        while (!queues.empty() && may_start(urgency)) {
            Queue& queue = *queues.front();
            Waiting next = std::move(queue.waiting_.front());
            queue.waiting_.pop_front();
            queue.delist();
            queue.enlist();  // behind the others
            if (queue.wanted_ && !queue.wanted_(next.endpoint)) {
                queue.cancel(std::move(next));
            } else {
                start(queue, std::move(next));
            }
        }
        if (!queues.empty()) return;  // the less urgent ones may even less
    }
}

void Dialer::start(Queue& queue, Waiting waiting) {
    auto& io = sockets_.io();
    const std::uint64_t id = next_id_++;
    auto& entry = half_open_[id];
    entry = std::make_unique<HalfOpen>(
        HalfOpen{&queue, tcp::socket(io), boost::asio::steady_timer(io), boost::asio::steady_timer(io),
                 waiting.endpoint, std::move(waiting.encryption), std::move(waiting.done), Clock::now()});
    // Handlers of ended dials find their id gone. They run inside the io_context, which outlives no dialer.
    entry->timer.expires_after(timeout_);
    entry->timer.async_wait([this, id](Error error) {
        if (error) return;
        const auto found = half_open_.find(id);
        const bool is_connected = found != half_open_.end() && found->second->dialled;
        finish(id, is_connected ? Errc::encryption_refused : Errc::timed_out);
    });
    const bool both = transport_ == Transport::both && utp_;
    const bool utp_first = transport_ == Transport::utp || (both && has_taken_tcp(entry->endpoint));
    if (both) {
        entry->other = utp_first ? Transport::tcp : Transport::utp;
        const bool at_once = !utp_first && queue.urgency_ == DialUrgency::reader_waits;
        entry->head_start.expires_after(at_once ? Duration{} : kTcpHeadStart);
        entry->head_start.async_wait([this, id](Error error) {
            if (!error && half_open_.contains(id)) start_other(id);
        });
    }
    utp_first ? start_utp(id) : start_tcp(id);
}

/// Starts the transport that waits for the end of the other one's head start.
void Dialer::start_other(std::uint64_t id) {
    HalfOpen& dial = *half_open_.at(id);
    const auto other = std::exchange(dial.other, std::nullopt);
    if (!other || dial.dialled) return;
    *other == Transport::utp ? start_utp(id) : start_tcp(id);
}

bool Dialer::has_taken_tcp(const Endpoint& endpoint) const {
    const TimePoint since = Clock::now() - kTcpTakenFor;
    return std::ranges::any_of(
        tcp_taken_, [&](const TcpTaken& taken) { return taken.endpoint == endpoint && taken.at >= since; });
}

void Dialer::start_tcp(std::uint64_t id) {
    HalfOpen& dial = *half_open_.at(id);
    dial.tries_tcp = true;
    auto socket = sockets_.tcp(dial.endpoint.address.family());
    if (!socket) {
        boost::asio::post(sockets_.io(), [this, id, error = socket.error()] {
            if (!half_open_.contains(id)) return;
            half_open_.at(id)->tries_tcp = false;
            on_failed(id, error);
        });
        return;
    }
    dial.socket = std::move(*socket);
    dial.socket.async_connect(to_asio<tcp>(dial.endpoint), [this, id](Error error) {
        const auto found = half_open_.find(id);
        if (error == boost::asio::error::operation_aborted || found == half_open_.end()) return;
        HalfOpen& connecting = *found->second;
        if (connecting.dialled) return;
        connecting.tries_tcp = false;
        if (error) return on_failed(id, error);
        if (tcp_taken_.size() == kMaxTcpTaken) tcp_taken_.pop_front();
        tcp_taken_.push_back({connecting.endpoint, Clock::now()});
        on_connected(id, std::make_unique<TcpStream>(std::move(connecting.socket), connecting.endpoint),
                     Clock::now() - connecting.begun);
    });
}

void Dialer::start_utp(std::uint64_t id) {
    HalfOpen& dial = *half_open_.at(id);
    dial.utp = utp_->dial(dial.endpoint, [this, id](Result<UtpStreams::Dialled> result) {
        const auto found = half_open_.find(id);
        if (found == half_open_.end()) return;
        const std::unique_ptr<UtpStreams::Dial> ended = std::move(found->second->utp);
        if (!result) return on_failed(id, result.error());
        found->second->held = std::move(*result);
        found->second->tries_tcp ? hold_utp(id) : take_utp(id);
    });
    if (dial.utp) return;
    boost::asio::post(sockets_.io(), [this, id] {
        if (half_open_.contains(id))
            on_failed(id, make_error_code(boost::system::errc::resource_unavailable_try_again));
    });
}

/// Waits whether TCP, which is faster and cheaper, connects in almost the same time.
void Dialer::hold_utp(std::uint64_t id) {
    HalfOpen& dial = *half_open_.at(id);
    dial.head_start.expires_after(kTcpGrace);
    dial.head_start.async_wait([this, id](Error error) {
        if (!error && half_open_.contains(id)) take_utp(id);
    });
}

void Dialer::take_utp(std::uint64_t id) {
    auto& held = half_open_.at(id)->held;
    if (!held) return;  // TCP came
    UtpStreams::Dialled utp = std::move(*held);
    held.reset();
    on_connected(id, std::move(utp.stream), utp.took);
}

/// One of the transports has failed; the dial has, if no other is left.
void Dialer::on_failed(std::uint64_t id, Error error) {
    HalfOpen& dial = *half_open_.at(id);
    if (dial.held) return take_utp(id);
    if (!dial.failure) dial.failure = error;
    if (dial.other) {
        dial.head_start.cancel();
        return start_other(id);
    }
    if (!dial.tries_tcp && !dial.utp) finish(id, dial.failure);
}

void Dialer::on_connected(std::uint64_t id, std::unique_ptr<Stream> stream, Duration took) {
    HalfOpen& dial = *half_open_.at(id);
    // The other transport has lost the race.
    dial.utp.reset();
    dial.held.reset();
    dial.head_start.cancel();
    Error ignored;
    dial.socket.close(ignored);
    dial.dialled.emplace(Dialled{std::move(stream), took});
    if (!dial.encryption) return finish(id, {});
    mse::Initiator& initiator = dial.initiator.emplace(std::move(*dial.encryption));
    dial.exchange.emplace(
        *dial.dialled->stream,
        HandshakeExchange::Machine{[&initiator](ByteView bytes) { return initiator.handle_bytes(bytes); },
                                   [&initiator] { return initiator.take_output(); }},
        [this, id](Error ended) { on_encrypted(id, ended); });
    dial.exchange->start();
}

/// The encryption handshake is over.
void Dialer::on_encrypted(std::uint64_t id, Error error) {
    HalfOpen& dial = *half_open_.at(id);
    if (error) {
        log::debug("{}: {}", dial.endpoint.text(), error.message());
        return finish(id, Errc::encryption_refused);
    }
    mse::Agreement agreement = dial.initiator->take_agreement();
    Dialled& dialled = *dial.dialled;
    dialled.received = std::move(agreement.received);
    if (agreement.ciphers)
        dialled.stream = std::make_unique<EncryptedStream>(std::move(dialled.stream), *agreement.ciphers);
    finish(id, {});
}

void Dialer::finish(std::uint64_t id, Error error) {
    auto node = half_open_.extract(id);
    if (node.empty()) return;
    HalfOpen& dial = *node.mapped();
    dial.exchange.reset();
    start_waiting();
    if (error) return dial.done(error);
    dial.done(std::move(*dial.dialled));
}

void Dialer::cancel_half_open() {
    std::map<std::uint64_t, std::unique_ptr<HalfOpen>> ended;
    ended.swap(half_open_);
    for (auto& dial : ended | std::views::values)
        dial->queue->cancel({dial->endpoint, std::nullopt, std::move(dial->done)});
    start_waiting();
}

// ---- the queue of one torrent ----

void Dialer::Queue::dial(const Endpoint& endpoint, Encryption encryption, Done done) {
    waiting_.push_back({endpoint, std::move(encryption), std::move(done)});
    enlist();
    dialer_.start_waiting();
}

void Dialer::Queue::set_urgency(DialUrgency urgency) {
    if (urgency == urgency_) return;
    delist();
    urgency_ = urgency;
    enlist();
    dialer_.start_waiting();
}

void Dialer::Queue::cancel(Waiting waiting) {
    boost::asio::post(dialer_.sockets_.io(), [alive = std::weak_ptr(alive_), done = std::move(waiting.done)] {
        if (!alive.expired()) done(Error(Errc::cancelled));
    });
}

void Dialer::Queue::clear() {
    delist();
    waiting_.clear();
    alive_ = std::make_shared<bool>(true);
    std::erase_if(dialer_.half_open_, [this](const auto& dial) { return dial.second->queue == this; });
}

void Dialer::Queue::enlist() {
    if (listed_ || waiting_.empty()) return;
    auto& queues = dialer_.queues_of(urgency_);
    place_ = queues.insert(queues.end(), this);
    listed_ = true;
}

void Dialer::Queue::delist() {
    if (!std::exchange(listed_, false)) return;
    dialer_.queues_of(urgency_).erase(place_);
}

}  // namespace btfs::net
