// A tracker's URL, taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/core/error.hpp"

namespace btfs::tracker {

enum class TrackerScheme : std::uint8_t { http, https, udp };

/// Longer URLs are not used; bytes as written.
inline constexpr std::size_t kMaxUrlSize = 2048;

struct TrackerUrl {
    TrackerScheme scheme = TrackerScheme::http;
    std::string host;  ///< a name or an address, IPv6 without brackets
    std::uint16_t port = 0;
    std::string target;  ///< path and query, escaped, "/announce?passkey=x"; may be empty

    /// http, https and udp with a host, and a port if udp, once escaped (http::escaped_url); else
    /// tracker_bad_url. Credentials are left to the HTTP client.
    static Result<TrackerUrl> parse(std::string_view url);
};

}  // namespace btfs::tracker
