// The round trips of a TCP connection, as the kernel measures them.
#pragma once

#include <optional>

#include "engine/net/stream.hpp"

namespace btfs::net {

/// Of the connected TCP socket; nothing if the kernel has measured none yet.
std::optional<Stream::RoundTrip> tcp_round_trip(int socket);

}  // namespace btfs::net
