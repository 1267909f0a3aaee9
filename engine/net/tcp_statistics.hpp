// Reader of the kernel's statistics of a TCP connection.
#pragma once

#include <optional>

#include "engine/net/stream.hpp"

namespace btfs::net {

/// Returns the round trips of the connected TCP socket; nothing if the kernel has measured none yet.
std::optional<Stream::RoundTrip> tcp_round_trip(int socket);
/// Returns the packets that the connected TCP socket has received; nothing before Linux 5.4.
std::optional<Stream::Reception> tcp_reception(int socket);

}  // namespace btfs::net
