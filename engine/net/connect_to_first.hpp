// Happy eyeballs: one connection to a host that has several addresses.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"
#include "engine/net/socket_factory.hpp"

namespace btfs::net {

/// RFC 8305's Connection Attempt Delay.
inline constexpr Duration kConnectionAttemptDelay = std::chrono::milliseconds(250);
/// For one address.
inline constexpr Duration kConnectTimeout = std::chrono::seconds(5);

struct ConnectedSocket {
    boost::asio::ip::tcp::socket socket;
    Address address;
};

/// Connects to the first address that answers (happy eyeballs, RFC 8305). Tries the addresses in their order,
/// each one kConnectionAttemptDelay after the one before it, or at once if no attempt is under way, and
/// closes all but the first connection. So an address family that leads nowhere costs a quarter of a second.
/// Errors: cancelled, timed_out, or the last one of the system; name_not_found if there is no address. On the
/// io_context's thread; `sockets` outlives the coroutine.
boost::asio::awaitable<Result<ConnectedSocket>> connect_to_first(SocketFactory& sockets,
                                                                 std::vector<Address> addresses,
                                                                 std::uint16_t port, TimePoint deadline);

}  // namespace btfs::net
