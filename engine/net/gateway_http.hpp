// One HTTP exchange with a gateway, by a thread that may wait.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"

namespace btfs::net {

struct GatewayReply {
    unsigned status = 0;
    std::string body;
    Address own_address;  ///< the one of ours that the gateway sees
};

/// More than any gateway says.
inline constexpr std::size_t kMaxGatewayReply = 128 * 1024;

/// The way to a gateway where its address alone does not tell it.
struct GatewayPath {
    unsigned interface = 0;           ///< the kernel's index, for a link-local address
    std::optional<Address> source{};  ///< to send from; else the kernel's choice
};

/// Sends the request as it is and reads the response, on a connection of its own, until the deadline at the
/// latest. Redirects are not followed. timed_out, http_too_large, http_malformed, connection_closed, or an
/// error of the system. It may be left behind by the end of the process: it waits in poll alone, and uses
/// nothing that main() takes down.
Result<GatewayReply> exchange_with_gateway(const Endpoint& gateway, std::string_view request,
                                           TimePoint deadline, const GatewayPath& path = {});

}  // namespace btfs::net
