#include "tests/sim/network.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace btfs::sim {
namespace {

/// Bytes that are sent, queued and received together: four segments, as with network cards' offloading.
constexpr std::size_t kBurst = 4 * 1448;
constexpr double kHeaders = 52.0 / 1448;  // of IP and TCP, for each byte
/// Bytes that the queue of a slow link holds at least, whatever its length in time.
constexpr double kLeastQueue = 16 * 1024;

double on_the_wire(std::size_t size) {
    return static_cast<double>(size) * (1 + kHeaders);
}

}  // namespace

Connection& Network::connect(Host& host_a, Socket& socket_a, Host& host_b, Socket& socket_b) {
    connections_.emplace_back(new Connection(*this, host_a, socket_a, host_b, socket_b));
    return *connections_.back();
}

Connection::Connection(Network& network, Host& host_a, Socket& socket_a, Host& host_b, Socket& socket_b)
    : network_(network),
      hosts_{&host_a, &host_b},
      sockets_{&socket_a, &socket_b},
      round_trip_(Network::round_trip(host_a, host_b)) {}

void Connection::wake(Side from) {
    pump(from);
}

void Connection::close(Side from) {
    if (closed_[from]) return;
    closed_[from] = true;
    Flow& flow = flows_[from];
    flow.packets.push_back({{}, network_.events_.now()});
    send(from, flow.next() - 1);
}

void Connection::pump(Side from) {
    Flow& flow = flows_[from];
    std::array<std::byte, kBurst> burst;
    while (!closed_[from] && !closed_[other(from)]) {
        flow.window.on_send(flow.in_flight, network_.events_.now());
        const double room = flow.window.bytes() - static_cast<double>(flow.in_flight);
        if (room < TcpWindow::kSegment && flow.in_flight > 0) return;
        const auto most = std::max(room, TcpWindow::kSegment);
        const std::size_t size = sockets_[from]->take(std::span(burst).first(
            most < static_cast<double>(kBurst) ? static_cast<std::size_t>(most) : kBurst));
        if (size == 0) return;
        const auto bytes = std::span(burst).first(size);
        flow.packets.push_back({{bytes.begin(), bytes.end()}, network_.events_.now()});
        flow.in_flight += size;
        send(from, flow.next() - 1);
    }
}

// Sends a packet through the sender's link, which may lose it.
void Connection::send(Side from, std::uint64_t number) {
    Flow& flow = flows_[from];
    Packet& packet = flow.packets[number - flow.first];
    Host& host = *hosts_[from];
    const TimePoint now = network_.events_.now();
    // A loss is one segment of a burst, so only one segment is sent again.
    const std::size_t size =
        packet.losses > 0 ? std::min<std::size_t>(packet.bytes.size(), 1448) : packet.bytes.size();
    const double segments = std::ceil(static_cast<double>(size) / TcpWindow::kSegment);
    const double queued = seconds(std::max(host.up_free - now, Duration{})) * host.link.up;
    const bool full = queued > std::max(kLeastQueue, host.link.up * seconds(host.link.queue));
    const bool lost =
        size > 0 &&
        (full || (host.link.loss > 0 && network_.rng_.fraction() > std::pow(1 - host.link.loss, segments)));
    if (lost) return lose(from, number);
    host.up_free = std::max(host.up_free, now) + from_seconds(on_the_wire(size) / host.link.up);
    network_.events_.at(host.up_free + round_trip_ / 2,
                        [this, from, number] { enter_downlink(from, number); });
}

void Connection::enter_downlink(Side from, std::uint64_t number) {
    Flow& flow = flows_[from];
    const Packet& packet = flow.packets[number - flow.first];
    Host& host = *hosts_[other(from)];
    const TimePoint now = network_.events_.now();
    const std::size_t size =
        packet.losses > 0 ? std::min<std::size_t>(packet.bytes.size(), 1448) : packet.bytes.size();
    const double queued = seconds(std::max(host.down_free - now, Duration{})) * host.link.down;
    const bool full = queued > std::max(kLeastQueue, host.link.down * seconds(host.link.queue));
    if (full && size > 0) return lose(from, number);
    host.down_free = std::max(host.down_free, now) + from_seconds(on_the_wire(size) / host.link.down);
    network_.events_.at(host.down_free, [this, from, number] { arrive(from, number); });
}

// Loses a packet. Later packets tell the sender after a round trip. If no packet follows, the sender's timer
// has to.
void Connection::lose(Side from, std::uint64_t number) {
    Flow& flow = flows_[from];
    Packet& packet = flow.packets[number - flow.first];
    ++packet.losses;
    const bool by_clock = packet.losses > 1;
    const Duration noticed = by_clock ? flow.window.timeout() : round_trip_;
    network_.events_.after(noticed, [this, from, number, by_clock] {
        Flow& f = flows_[from];
        const bool nothing_followed = number + 1 == f.next();
        by_clock ? f.window.on_timeout(network_.events_.now()) : f.window.on_loss(network_.events_.now());
        // A tail loss probe leaves after two round trips.
        network_.events_.after(nothing_followed && !by_clock ? round_trip_ : Duration{},
                               [this, from, number] { send(from, number); });
    });
}

void Connection::arrive(Side from, std::uint64_t number) {
    Flow& flow = flows_[from];
    Packet& packet = flow.packets[number - flow.first];
    packet.arrived = true;
    const std::size_t size = packet.bytes.size();
    const TimePoint sent = packet.sent;
    const bool sent_twice = packet.losses > 0;
    network_.events_.after(round_trip_ / 2, [this, from, size, sent, sent_twice] {
        Flow& f = flows_[from];
        const TimePoint now = network_.events_.now();
        if (!sent_twice) f.window.on_acked(size, f.in_flight, now - sent, now);
        f.in_flight -= size;
        pump(from);
    });
    deliver(from);
}

void Connection::deliver(Side from) {
    Flow& flow = flows_[from];
    const Side to = other(from);
    while (!flow.packets.empty() && flow.packets.front().arrived) {
        const std::vector<std::byte> bytes = std::move(flow.packets.front().bytes);
        flow.packets.pop_front();
        ++flow.first;
        if (closed_[to]) continue;
        if (bytes.empty()) {
            closed_[to] = true;
            sockets_[to]->on_closed();
        } else {
            sockets_[to]->on_bytes(bytes);
        }
    }
}

}  // namespace btfs::sim
