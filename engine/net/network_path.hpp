// Addresses and routes of this machine, and whether a connection made over them still works.
#pragma once

#include <optional>
#include <set>

#include "engine/core/endpoint.hpp"
#include "engine/net/local_binding.hpp"

namespace btfs::net {

/// Where packets to some address leave this machine.
struct Route {
    unsigned interface = 0;  ///< the kernel's index
    std::optional<Address> gateway;

    bool operator==(const Route&) const = default;
};

/// The kernel's present routes and addresses, asked again with each call.
class Routing {
  public:
    virtual ~Routing() = default;

    virtual bool has_address(const Address& address) const = 0;
    /// Nothing if there is no way there.
    virtual std::optional<Route> route_to(const Address& address) const = 0;
};

/// The way of one connection as it was when the connection was made.
struct NetworkPath {
    Address local;
    Address remote;
    std::optional<Route> route;
};

/// True if what is sent on that connection cannot arrive, or not as from the address that the peer knows: the
/// local address is gone, or the way to the peer leads over another interface or gateway.
bool is_broken(const NetworkPath& path, const Routing& routing);

/// The kernel's tables, asked over rtnetlink, as seen by sockets that are bound in this way. Does not wait.
class KernelRouting final : public Routing {
  public:
    explicit KernelRouting(LocalBinding binding) : binding_(std::move(binding)) {}

    bool has_address(const Address& address) const override;
    std::optional<Route> route_to(const Address& address) const override;

    /// The way to the Internet, by all tables and rules. Any thread.
    std::optional<Route> default_route(AddressFamily family) const;
    /// The address of ours that a socket sends from to the Internet if it is bound to none; nothing if there
    /// is no way there. Nothing is sent. Any thread.
    std::optional<Address> default_source(AddressFamily family) const;

    /// Our addresses and default routes: two networks differ in them.
    struct Snapshot {
        std::set<std::pair<unsigned, Address>> addresses;  ///< with their interfaces
        std::optional<Route> default_v4, default_v6;

        bool operator==(const Snapshot&) const = default;
    };
    Snapshot snapshot() const;

  private:
    const LocalBinding binding_;
};

}  // namespace btfs::net
