// Two hosts with uTP over a simulated line, in virtual time.
#pragma once

#include <functional>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "engine/utp/connections.hpp"

namespace btfs::utp {

/// One direction of the line.
struct LinkOptions {
    double rate = 0;  ///< bytes a second; 0: without limit
    Duration delay = 10ms;
    std::size_t queue = 256 * 1024;  ///< bytes that wait for the line; what does not fit is lost
    double loss = 0, duplicate = 0, reorder = 0;
    Duration late_by = 5ms;     ///< a reordered datagram comes up to so much later
    std::size_t mtu = 65536;    ///< larger datagrams vanish
    std::size_t fragments = 0;  ///< larger ones vanish if they may not be fragmented; 0: none do
};

class World;

/// One end of the line: Connections, with a clock of its own.
class Host final : public Sink {
  public:
    Host(World& world, const Endpoint& self, std::uint64_t seed, ConnectionsOptions options = {});

    void send(const Endpoint& to, ByteView datagram, Fragmentation fragmentation,
              const Address& from) override;
    void flush() override { ++flushes; }
    bool has_room() const override { return room > 0; }
    void want_turn() override { turn_wanted = true; }

    TimePoint local(TimePoint at) const {
        return TimePoint(clock_offset) + from_seconds(seconds(at.time_since_epoch()) * clock_speed);
    }
    TimePoint global(TimePoint at) const {
        return TimePoint(from_seconds(seconds(at.time_since_epoch() - clock_offset) / clock_speed));
    }

    World& world;
    const Endpoint self;
    /// Our addresses that Connections wants its datagrams to leave from.
    std::set<Address> sources;
    Duration clock_offset{};
    double clock_speed = 1;
    Connections connections;
    bool turn_wanted = false;
    int flushes = 0;
    int room = 1;
    /// Bytes that it sent and got.
    std::uint64_t datagrams_sent = 0, bytes_sent = 0, datagrams_received = 0;
    std::size_t largest_sent = 0;
    /// Sees each datagram that is sent; false drops it.
    std::function<bool(const Packet&, std::size_t)> tap = [](const Packet&, std::size_t) { return true; };
};

class World {
  public:
    explicit World(std::uint64_t seed = 1, LinkOptions there = {}, ConnectionsOptions options = {});

    void send(const Endpoint& from, const Endpoint& to, ByteView datagram, Fragmentation fragmentation);
    /// Until the time, or until the condition holds (looked at after each event). True if it holds.
    bool run(
        Duration time, const std::function<bool()>& until = [] { return false; });
    /// A datagram from anybody comes to the host now, in a turn of its own.
    void inject(Host& to, const Endpoint& from, const Bytes& datagram);
    void at(TimePoint when, std::function<void()> what);

    TimePoint now{std::chrono::hours(1)};
    Rng rng;
    LinkOptions a_to_b, b_to_a;
    Host a, b;
    /// Datagrams for addresses of neither host.
    std::function<void(const Endpoint& to, const Bytes&)> elsewhere = [](const Endpoint&, const Bytes&) {};
    std::uint64_t lost = 0;

  private:
    struct Event {
        TimePoint at;
        std::uint64_t order;
        std::function<void()> what;
        bool operator>(const Event& other) const {
            return std::tie(at, order) > std::tie(other.at, other.order);
        }
    };
    void settle();

    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    std::uint64_t order_ = 0;
    TimePoint line_free_[2];
};

/// An application that sends a stream of known bytes and checks the one that it gets.
class App final : public User {
  public:
    void use(Connection& c) {
        connection = &c;
        c.set_user(this);
        c.wait_readable();
        c.wait_writable();
    }
    void on_connected(Error error) override {
        connect_error = error;
        connected = !error;
        if (!error) use(*connection);
    }
    void on_readable() override;
    void on_writable() override;
    void send_more(std::uint64_t bytes) {
        to_send += bytes;
        connection->wait_writable();
    }
    void close() {
        connection->release();
        connection = nullptr;
    }
    static std::byte byte_at(std::uint64_t i) {
        return static_cast<std::byte>(i * 31 + (i >> 8) * 7 + (i >> 16));
    }

    Connection* connection = nullptr;
    bool connected = false;
    Error connect_error, read_error, write_error;
    bool reads = true;  ///< false: it does not read
    bool closes_when_sent = false;
    std::uint64_t to_send = 0, sent = 0, received = 0;
    bool wrong = false;  ///< a byte was not what it should be
};

/// A connection from A to B, both ends with an App.
struct Pair {
    explicit Pair(World& w);
    World& world;
    App from, to;
    bool accepted = false;
};

}  // namespace btfs::utp
