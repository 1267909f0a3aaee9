// Hosts with links, and TCP connections between them, in virtual time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/rng.hpp"
#include "tests/sim/event_queue.hpp"
#include "tests/sim/tcp_window.hpp"

namespace btfs::sim {

struct LinkOptions {
    double up = 2.5e6;                               ///< bytes per second
    double down = 2.5e6;                             ///< bytes per second
    Duration delay = std::chrono::milliseconds(10);  ///< one way, to the middle of the network
    double loss = 0;                                 ///< chance of each segment that the host sends
    /// Longest queue in front of the link; packets that would wait longer are lost.
    Duration queue = std::chrono::milliseconds(100);
};

/// The network's name for one machine. All its connections share its link.
struct Host {
    explicit Host(const LinkOptions& options) : link(options) {}

    LinkOptions link;
    TimePoint up_free{};
    TimePoint down_free{};
};

/// One end of a connection, as the network sees it. Called from events only, but for take().
class Socket {
  public:
    /// The next bytes to send; gives how many there were.
    virtual std::size_t take(std::span<std::byte> out) = 0;
    virtual void on_bytes(ByteView bytes) = 0;
    /// The other end has closed.
    virtual void on_closed() = 0;

  protected:
    ~Socket() = default;
};

class Network;

/// One TCP connection. Lives as long as the network.
class Connection {
  public:
    enum Side : std::uint8_t { a, b };

    /// Tells that side `from` has something to send.
    void wake(Side from);
    /// Closes the connection at side `from`, which sends and receives nothing any more. The other side learns
    /// of it after the bytes under way.
    void close(Side from);
    Duration round_trip() const { return round_trip_; }
    double window(Side from) const { return flows_[from].window.bytes(); }
    std::uint64_t in_flight(Side from) const { return flows_[from].in_flight; }

  private:
    friend class Network;
    struct Packet {
        std::vector<std::byte> bytes;  ///< empty: the end
        TimePoint sent;
        bool arrived = false;
        int losses = 0;
    };
    struct Flow {
        TcpWindow window;
        std::uint64_t in_flight = 0;
        std::uint64_t first = 0;  ///< number of packets_.front()
        std::deque<Packet> packets;
        std::uint64_t next() const { return first + packets.size(); }
    };

    Connection(Network& network, Host& host_a, Socket& socket_a, Host& host_b, Socket& socket_b);

    void pump(Side from);
    void send(Side from, std::uint64_t number);
    void enter_downlink(Side from, std::uint64_t number);
    void arrive(Side from, std::uint64_t number);
    void lose(Side from, std::uint64_t number);
    void deliver(Side from);
    static Side other(Side side) { return side == a ? b : a; }

    Network& network_;
    Host* hosts_[2];
    Socket* sockets_[2];
    Flow flows_[2];
    bool closed_[2] = {false, false};
    Duration round_trip_;
};

/// Makes connections and keeps them.
class Network {
  public:
    Network(EventQueue& events, std::uint64_t seed) : events_(events), rng_(seed) {}

    Connection& connect(Host& host_a, Socket& socket_a, Host& host_b, Socket& socket_b);
    static Duration round_trip(const Host& x, const Host& y) { return 2 * (x.link.delay + y.link.delay); }

  private:
    friend class Connection;
    EventQueue& events_;
    Rng rng_;
    std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace btfs::sim
