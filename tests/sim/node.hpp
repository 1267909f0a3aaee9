// Node of a simulated swarm: an address, a link, and a way to connect to it.
#pragma once

#include <cstddef>
#include <map>

#include "engine/core/endpoint.hpp"
#include "tests/sim/network.hpp"

namespace btfs::sim {

/// A remote peer or a client. Any node can dial any other; the node that dials is side a of the connection.
class Node {
  public:
    Node(const Endpoint& endpoint, std::size_t number, const LinkOptions& link)
        : endpoint_(endpoint), number_(number), host_(link) {}
    virtual ~Node() = default;
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    const Endpoint& endpoint() const { return endpoint_; }
    std::size_t number() const { return number_; }
    Host& host() { return host_; }
    const Host& host() const { return host_; }

    /// Runs the engine under test.
    virtual bool is_client() const = 0;
    /// Keeps to the protocol, so that nobody may ban it, nor snub it for another's fault.
    virtual bool honest() const = 0;
    /// False: dials end in a time-out, without an answer.
    virtual bool reachable() const = 0;
    /// False: a dial that is made now fails.
    virtual bool accepts(const Address& caller) const = 0;
    /// Takes a connection. `from` is the address that `caller` dials from.
    virtual Connection& answer(Node& caller, Socket& socket, const Endpoint& from) = 0;

  private:
    const Endpoint endpoint_;
    const std::size_t number_;
    Host host_;
};

/// The nodes that can be dialled, by address.
class Directory {
  public:
    void add(Node& node) { nodes_.emplace(node.endpoint(), &node); }
    /// Null if nobody is there.
    Node* find(const Endpoint& endpoint) const {
        const auto found = nodes_.find(endpoint);
        return found == nodes_.end() ? nullptr : found->second;
    }

  private:
    std::map<Endpoint, Node*> nodes_;
};

}  // namespace btfs::sim
