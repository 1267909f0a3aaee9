// Transport: what carries connections with peers.
#pragma once

#include <cstdint>

namespace btfs::net {

/// Rule of `--transport`.
enum class Transport : std::uint8_t {
    tcp,   ///< SYNs of uTP are refused
    utp,   ///< TCP connections are closed
    both,  ///< TCP is dialled first, uTP shortly after it, and the first to answer is taken
};

constexpr bool uses_tcp(Transport rule) {
    return rule != Transport::utp;
}

constexpr bool uses_utp(Transport rule) {
    return rule != Transport::tcp;
}

}  // namespace btfs::net
