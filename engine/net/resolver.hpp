// Resolver of host names, by c-ares.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"
#include "engine/net/asio_fwd.hpp"
#include "engine/net/families.hpp"
#include "engine/net/name_lookups.hpp"
#include "engine/net/socket_factory.hpp"
#include "engine/proxy/stand_ins.hpp"

namespace btfs::net {

/// Asks the name servers of this machine, from where `--bind` says, without a thread and without waiting.
/// Addresses as text, "localhost" and the hosts file are answered without a server; equal questions at a time
/// are one; answers are kept as long as they say (see NameLookups for this and the limits). The servers are
/// looked up again when it has been idle, as a laptop changes networks. With a proxy nothing is looked up: a
/// name has a stand-in (proxy::StandIns) of IPv4, and none of IPv6, since the proxy chooses the family. Used
/// on the io_context's thread alone.
class Resolver {
  public:
    struct Options {
        std::vector<Endpoint> servers;    ///< in place of the machine's, if any
        Duration first_try_timeout = 2s;  ///< of a server; doubles with each try
        unsigned tries = 3;
    };

    /// `sockets` outlives this, and the io_context's run; so do `stand_ins`, those of a proxy.
    Resolver(SocketFactory& sockets, Options options, proxy::StandIns* stand_ins = nullptr);
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;
    /// Questions under way end with `cancelled`.
    ~Resolver();

    /// At least one address, IPv6 and IPv4 in turn where both are asked for; or name_not_found, timed_out,
    /// resolver_busy, or cancelled. `timeout` counts the time in the queue, too. The coroutine can be
    /// cancelled.
    Awaitable<Result<std::vector<Address>>> resolve(std::string name, Families families,
                                                    Duration timeout = 10s,
                                                    LookUp look_up = LookUp::ordinary);
    /// A reader waits for this name from now on.
    void hurry(const std::string& name, Families families);

  private:
    class Channel;
    // Shared with coroutines that wait, and with handlers in the io_context's queue.
    std::shared_ptr<Channel> channel_;
    proxy::StandIns* const stand_ins_;  ///< null without a proxy
};

}  // namespace btfs::net
