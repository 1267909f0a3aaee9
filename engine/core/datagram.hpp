// A datagram that has come, without any socket type.
#pragma once

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/time.hpp"

namespace btfs {

struct ReceivedDatagram {
    Endpoint from;
    /// Our address that it was sent to, from which the sender expects the answer. Unspecified if the kernel
    /// did not tell: the socket is bound to one address, or the datagram came through a proxy.
    Address to;
    ByteView bytes;
    TimePoint arrived_at;
};

}  // namespace btfs
