#include "engine/net/dialer.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <utility>

#include "engine/net/connector.hpp"
#include "engine/net/contested_stream.hpp"

namespace btfs::net {

static_assert(Proxy::kPatience < Dialer::kTimeout, "a proxy that stalls must not count as a peer's failure");

struct Dialer::HalfOpen {
    HalfOpen(Dialer& dialer, Queue& the_queue, Waiting waiting, DialRace::Done ended)
        : queue(&the_queue),
          endpoint(waiting.endpoint),
          done(std::move(waiting.done)),
          timer(dialer.connector_.io(), dialer.timeout_),
          race(dialer.connector_, waiting.endpoint, std::move(waiting.encryption), std::move(ended)) {}

    Queue* queue;
    Endpoint endpoint;
    Done done;
    boost::asio::steady_timer timer;
    DialRace race;
    /// In place of the race; handed over as the connection's stream.
    std::unique_ptr<ContestedStream> contest = nullptr;
};

Dialer::Dialer(Connector& connector, Duration timeout) : connector_(connector), timeout_(timeout) {}

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
    const std::uint64_t id = next_id_++;
    const DialRace::Course course = course_of(queue, waiting);
    Encryption contest =
        connector_.proxy_url() || waiting.encryption ? std::nullopt : std::move(waiting.way.contest);
    auto& entry = half_open_[id];
    entry = std::make_unique<HalfOpen>(*this, queue, std::move(waiting),
                                       [this, id](Result<Dialled> result) { finish(id, std::move(result)); });
    // Handlers of ended dials find their id gone. They run inside the io_context, which outlives no dialer.
    entry->timer.async_wait([this, id](Error error) {
        const auto found = half_open_.find(id);
        if (error || found == half_open_.end()) return;
        finish(id, found->second->race.is_connected() ? Errc::encryption_refused : Errc::timed_out);
    });
    if (contest) return start_contest(id, *entry, std::move(*contest));
    entry->race.begin(course);
}

void Dialer::start_contest(std::uint64_t id, HalfOpen& entry, mse::Initiator::Options encryption) {
    const auto connected = [this, id](Result<Duration> took) {
        const auto found = half_open_.find(id);
        if (found == half_open_.end()) return;
        std::unique_ptr<ContestedStream> contest = std::move(found->second->contest);
        if (!took) return finish(id, took.error());  // the contest ends behind it
        ContestedStream* const stream = contest.get();
        finish(id, Dialled{{std::move(contest), *took}, {}, stream});
    };
    const ContestedStream::Course course{connector_.transport(), std::move(encryption)};
    entry.contest = std::make_unique<ContestedStream>(connector_, entry.endpoint, course, connected);
    entry.contest->begin();
}

DialRace::Course Dialer::course_of(const Queue& queue, const Waiting& waiting) const {
    if (waiting.way.punch) return {.first = Transport::utp, .punch = true};
    const Transport rule = connector_.transport();
    if (rule != Transport::both) return {rule};
    if (waiting.way.first == FirstTransport::utp) return {Transport::utp, kFasterHeadStart};
    if (waiting.way.first == FirstTransport::tcp) return {Transport::tcp, kFasterHeadStart};
    const bool closed_tcp = has_taken_tcp(queue, waiting.endpoint);
    // The encryption handshake shows whether the peer is the right one.
    if (waiting.encryption && closed_tcp) return {Transport::tcp, Duration{}};
    if (closed_tcp) return {Transport::utp, kTcpHeadStart};
    const bool both = waiting.way.utp_told || queue.urgency_ == DialUrgency::reader_waits;
    return {Transport::tcp, both ? Duration{} : kTcpHeadStart};
}

bool Dialer::has_taken_tcp(const Queue& queue, const Endpoint& endpoint) const {
    const TimePoint since = Clock::now() - kTcpTakenFor;
    return std::ranges::any_of(tcp_taken_, [&](const TcpTaken& taken) {
        return taken.by == &queue && taken.endpoint == endpoint && taken.at >= since;
    });
}

void Dialer::finish(std::uint64_t id, Result<Dialled> result) {
    const auto node = half_open_.extract(id);
    if (node.empty()) return;
    const HalfOpen& dial = *node.mapped();
    if (dial.race.has_tcp_connected()) {
        if (tcp_taken_.size() == kMaxTcpTaken) tcp_taken_.pop_front();
        tcp_taken_.push_back({dial.queue, dial.endpoint, Clock::now()});
    }
    start_waiting();
    dial.done(std::move(result));
}

void Dialer::cancel_half_open() {
    cancel_half_open([](const Address&) { return true; });
}

void Dialer::cancel_half_open(const std::function<bool(const Address&)>& is_unwanted) {
    cancel_if([&](const HalfOpen& dial) { return is_unwanted(dial.endpoint.address); });
}

void Dialer::cancel_if(const std::function<bool(const HalfOpen&)>& is_unwanted) {
    for (auto entry = half_open_.begin(); entry != half_open_.end();) {
        HalfOpen& dial = *entry->second;
        if (!is_unwanted(dial)) {
            ++entry;
            continue;
        }
        dial.queue->cancel({dial.endpoint, std::nullopt, std::move(dial.done)});
        entry = half_open_.erase(entry);
    }
    start_waiting();
}

// ---- the queue of one torrent ----

void Dialer::Queue::dial(const Endpoint& endpoint, Encryption encryption, Done done, const Way& way) {
    Waiting waiting{endpoint, std::move(encryption), std::move(done), way};
    // The other side dials at this moment, too.
    if (way.punch && dialer_.may_start(DialUrgency::reader_waits))
        return dialer_.start(*this, std::move(waiting));
    waiting_.insert(way.punch ? waiting_.begin() : waiting_.end(), std::move(waiting));
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
    boost::asio::post(dialer_.connector_.io(),
                      [alive = std::weak_ptr(alive_), done = std::move(waiting.done)] {
                          if (!alive.expired()) done(Error(Errc::cancelled));
                      });
}

void Dialer::Queue::cancel_all() {
    delist();
    for (Waiting& waiting : std::exchange(waiting_, {})) cancel(std::move(waiting));
    dialer_.cancel_if([this](const HalfOpen& dial) { return dial.queue == this; });
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
