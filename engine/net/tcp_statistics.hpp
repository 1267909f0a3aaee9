// What the kernel knows of a TCP connection.
#pragma once

#include <optional>

#include "engine/net/stream.hpp"

namespace btfs::net {

/// The round trips of the connected TCP socket; nothing if the kernel has measured none yet.
std::optional<Stream::RoundTrip> tcp_round_trip(int socket);
/// Of the same. Linux tells it since 5.4.
std::optional<Stream::Reception> tcp_reception(int socket);

}  // namespace btfs::net
