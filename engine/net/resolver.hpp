// Host names to addresses, without a thread: c-ares on the engine's loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/net/socket_factory.hpp"

namespace btfs::net {

/// Asks the system's name servers and hosts file, as the system's own resolver does, but never blocks.
/// Literal addresses are answered too. On the engine thread.
class Resolver {
  public:
    /// At least one address; Errc::name_not_found.
    using Done = std::function<void(Result<std::vector<Address>>)>;

    explicit Resolver(SocketFactory& sockets);
    /// Drops all look-ups without calling anybody.
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    /// With a family, addresses of that family alone. Calls `done` later, never from inside this call.
    void resolve(const std::string& host, std::optional<AddressFamily> family, Done done);

  private:
    class Channel;
    boost::asio::io_context& io_;
    std::unique_ptr<Channel> channel_;  // made with the first name that is no literal
};

}  // namespace btfs::net
