// A network of DHT nodes in virtual time: real Node machines, datagrams that take a while or get lost.
#pragma once

#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/dht/node.hpp"

namespace btfs::dht::test {

/// Receiver of the datagrams to one address: a Node, or a fake of one.
class Host {
  public:
    virtual ~Host() = default;
    virtual void handle_datagram(const Endpoint& from, ByteView datagram, TimePoint now) = 0;
    virtual void handle_timeout(TimePoint) {}
    virtual TimePoint next_timeout() const { return kNever; }
    virtual std::optional<Datagram> poll_datagram() = 0;
};

/// Answers every query with nodes that are not there, very near to what was asked for, some of them under
/// its friends' addresses, and with peers that do not exist.
class Liar final : public Host {
  public:
    Liar(std::uint64_t seed, std::vector<Endpoint> friends)
        : rng_(seed), id_(random_id(rng_)), friends_(std::move(friends)) {}
    const NodeId& id() const { return id_; }
    void handle_datagram(const Endpoint& from, ByteView datagram, TimePoint now) override;
    std::optional<Datagram> poll_datagram() override;

  private:
    Rng rng_;
    NodeId id_;
    std::vector<Endpoint> friends_;
    std::optional<Datagram> reply_;
};

/// A Node with what it was told.
class Member final : public Host {
  public:
    Member(AddressFamily family, std::uint64_t seed, TimePoint now) : rng_(seed), node(family, rng_, now) {}
    void handle_datagram(const Endpoint& from, ByteView datagram, TimePoint now) override {
        node.handle_datagram(from, datagram, now);
    }
    void handle_timeout(TimePoint now) override { node.handle_timeout(now); }
    TimePoint next_timeout() const override { return node.next_timeout(); }
    std::optional<Datagram> poll_datagram() override { return node.poll_datagram(); }

  private:
    Rng rng_;

  public:
    Node node;
};

class Network {
  public:
    explicit Network(std::uint64_t seed) : rng_(seed) {}

    Rng& rng() { return rng_; }
    TimePoint now() const { return now_; }

    /// A host at an address, each in a /24 of its own.
    Endpoint add(std::unique_ptr<Host> host, AddressFamily family = AddressFamily::v4);
    Endpoint add_node(AddressFamily family = AddressFamily::v4);
    /// The node there; it must be a Member, and alive.
    Node& node(const Endpoint& at) { return static_cast<Member&>(*hosts_.at(at).host).node; }
    /// Nothing is heard of it any more.
    void kill(const Endpoint& at) { hosts_.erase(at); }

    /// Call after anything that was told to a node from outside.
    void touch(const Endpoint& at);
    void run_until(TimePoint until);
    void run_for(Duration time) { run_until(now_ + time); }
    /// False if it did not come true in time.
    bool run_until(const std::function<bool()>& condition, Duration limit);

    /// Of the host, or of all.
    std::uint64_t bytes_sent(const Endpoint& at) const { return hosts_.at(at).bytes_sent; }
    std::uint64_t bytes_received(const Endpoint& at) const { return hosts_.at(at).bytes_received; }

    double loss = 0;
    Duration min_delay = 20ms, max_delay = 120ms;

  private:
    struct Place {
        std::unique_ptr<Host> host;
        TimePoint wakes = kNever;
        std::uint64_t bytes_sent = 0, bytes_received = 0;
    };
    struct Event {
        TimePoint when;
        std::uint64_t number;
        Endpoint at;
        Endpoint from;
        std::shared_ptr<const Bytes> datagram;  ///< null: its timer
        bool operator<(const Event& other) const {
            return std::pair(when, number) > std::pair(other.when, other.number);
        }
    };

    void step();
    void settle(const Endpoint& at, Place& place);

    Rng rng_;
    TimePoint now_{1h};
    std::unordered_map<Endpoint, Place> hosts_;
    std::priority_queue<Event> events_;
    std::uint64_t next_number_ = 0;
    std::uint32_t next_address_ = 0;
};

}  // namespace btfs::dht::test
