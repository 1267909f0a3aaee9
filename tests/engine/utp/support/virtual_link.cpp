#include "tests/engine/utp/support/virtual_link.hpp"

#include <algorithm>

namespace btfs::utp {
namespace {

SecretSource secret_of(std::uint64_t seed) {
    return [seed](std::span<std::byte> out) { Rng(seed).fill(out); };
}

}  // namespace

Host::Host(World& w, const Endpoint& s, std::uint64_t seed, ConnectionsOptions options)
    : world(w), self(s), connections(*this, Rng(seed), secret_of(seed + 1), options) {}

void Host::send(const Endpoint& to, ByteView datagram, Fragmentation fragmentation, const Address& from) {
    sources.insert(from);
    ++datagrams_sent;
    bytes_sent += datagram.size();
    largest_sent = std::max(largest_sent, datagram.size());
    if (const auto packet = Packet::parse(datagram); packet && !tap(*packet, datagram.size())) return;
    world.send(self, to, datagram, fragmentation);
}

World::World(std::uint64_t seed, LinkOptions there, ConnectionsOptions options)
    : rng(seed),
      a_to_b(there),
      b_to_a(there),
      a(*this, *Endpoint::parse("192.0.2.1:1000"), seed * 3 + 1, options),
      b(*this, *Endpoint::parse("192.0.2.2:2000"), seed * 3 + 2, options) {
    b.clock_offset = std::chrono::hours(77) + 123456us;
}

void World::at(TimePoint when, std::function<void()> what) {
    events_.push({when, order_++, std::move(what)});
}

void World::send(const Endpoint& from, const Endpoint& to, ByteView datagram, Fragmentation fragmentation) {
    Bytes copy(datagram.begin(), datagram.end());
    if (to != a.self && to != b.self) return elsewhere(to, copy);
    const bool forth = from == a.self;
    const LinkOptions& link = forth ? a_to_b : b_to_a;
    const std::size_t size = copy.size() + 28;
    if (copy.size() > link.mtu && fragmentation != Fragmentation::early) return void(++lost);
    if (link.fragments != 0 && copy.size() > link.fragments && fragmentation == Fragmentation::forbidden)
        return void(++lost);
    if (rng.fraction() < link.loss) return void(++lost);
    TimePoint leaves = now;
    if (link.rate > 0) {
        TimePoint& free = line_free_[forth ? 0 : 1];
        free = std::max(free, now);
        if (seconds(free - now) * link.rate + static_cast<double>(size) > static_cast<double>(link.queue))
            return void(++lost);
        free += from_seconds(static_cast<double>(size) / link.rate);
        leaves = free;
    }
    const int copies = rng.fraction() < link.duplicate ? 2 : 1;
    Host& receiver = forth ? b : a;
    for (int i = 0; i < copies; ++i) {
        TimePoint arrives = leaves + link.delay;
        if (rng.fraction() < link.reorder) arrives += from_seconds(rng.fraction() * seconds(link.late_by));
        at(arrives, [this, &receiver, from, copy] { inject(receiver, from, copy); });
    }
}

void World::inject(Host& to, const Endpoint& from, const Bytes& datagram) {
    ++to.datagrams_received;
    const TimePoint local = to.local(now);
    to.connections.receive({from, to.self.address, datagram, local}, local);
    to.connections.end_turn(local);
}

void World::settle() {
    for (Host* host : {&a, &b})
        while (host->turn_wanted) {
            host->turn_wanted = false;
            host->connections.end_turn(host->local(now));
        }
}

bool World::run(Duration time, const std::function<bool()>& until) {
    const TimePoint end = now + time;
    for (;;) {
        settle();
        if (until()) return true;
        TimePoint next = events_.empty() ? kNever : events_.top().at;
        Host* timer = nullptr;
        for (Host* host : {&a, &b})
            if (host->connections.next_timeout() != kNever) {
                const TimePoint at = std::max(host->global(host->connections.next_timeout()) + 1us, now);
                if (at < next) {
                    next = at;
                    timer = host;
                }
            }
        if (next > end) {
            now = end;
            return until();
        }
        now = std::max(now, next);
        if (timer) {
            timer->connections.handle_timer(timer->local(now));
        } else {
            const auto what = std::move(const_cast<Event&>(events_.top()).what);
            events_.pop();
            what();
        }
    }
}

void App::on_readable() {
    for (;;) {
        if (!reads) return;
        std::byte buffer[16384];
        iovec into[2] = {{buffer, 1000}, {buffer + 1000, sizeof buffer - 1000}};
        const auto n = connection->read(into);
        if (!n) {
            read_error = n.error();
            return;
        }
        if (*n == 0) break;
        for (std::size_t i = 0; i < *n; ++i) wrong |= buffer[i] != byte_at(received + i);
        received += *n;
    }
    connection->wait_readable();
}

void App::on_writable() {
    while (sent < to_send) {
        std::byte buffer[16384];
        const std::size_t size = std::min<std::uint64_t>(sizeof buffer, to_send - sent);
        for (std::size_t i = 0; i < size; ++i) buffer[i] = byte_at(sent + i);
        const std::size_t half = size / 2;
        const iovec from[2] = {{buffer, half}, {buffer + half, size - half}};
        const auto n = connection->write(from);
        if (!n) {
            write_error = n.error();
            return;
        }
        if (*n == 0) return connection->wait_writable();
        sent += *n;
    }
    if (closes_when_sent) close();
}

Pair::Pair(World& w) : world(w) {
    w.b.connections.set_accept([this](Connection& connection) {
        accepted = true;
        to.use(connection);
    });
    from.connection = *w.a.connections.connect(w.b.self, from, w.a.local(w.now));
}

}  // namespace btfs::utp
