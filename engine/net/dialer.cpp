#include "engine/net/dialer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <ranges>

#include "engine/net/asio_endpoint.hpp"
#include "engine/net/tcp_stream.hpp"

namespace btfs::net {

using boost::asio::ip::tcp;

struct Dialer::HalfOpen {
    Queue* queue;
    tcp::socket socket;
    boost::asio::steady_timer timer;
    Endpoint endpoint;
    Done done;
    TimePoint begun;
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
    auto socket = sockets_.tcp(waiting.endpoint.address.family());
    const std::uint64_t id = next_id_++;
    auto& entry = half_open_[id];
    entry = std::make_unique<HalfOpen>(HalfOpen{&queue, socket ? std::move(*socket) : tcp::socket(io),
                                                boost::asio::steady_timer(io), waiting.endpoint,
                                                std::move(waiting.done), Clock::now()});
    // Handlers of ended dials find their id gone. They run inside the io_context, which outlives no dialer.
    if (!socket) {
        boost::asio::post(io, [this, id, error = socket.error()] { finish(id, error); });
        return;
    }
    entry->timer.expires_after(timeout_);
    entry->timer.async_wait([this, id](Error error) {
        if (!error) finish(id, Errc::timed_out);
    });
    entry->socket.async_connect(to_asio<tcp>(waiting.endpoint), [this, id](Error error) {
        if (error != boost::asio::error::operation_aborted) finish(id, error);
    });
}

void Dialer::finish(std::uint64_t id, Error error) {
    auto node = half_open_.extract(id);
    if (node.empty()) return;
    HalfOpen& dial = *node.mapped();
    start_waiting();
    if (error) return dial.done(error);
    dial.done(Dialled{std::make_unique<TcpStream>(std::move(dial.socket), dial.endpoint),
                      Clock::now() - dial.begun});
}

void Dialer::cancel_half_open() {
    std::map<std::uint64_t, std::unique_ptr<HalfOpen>> ended;
    ended.swap(half_open_);
    for (auto& dial : ended | std::views::values)
        dial->queue->cancel({dial->endpoint, std::move(dial->done)});
    start_waiting();
}

// ---- the queue of one torrent ----

void Dialer::Queue::dial(const Endpoint& endpoint, Done done) {
    waiting_.push_back({endpoint, std::move(done)});
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
