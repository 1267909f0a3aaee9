// An HTTP URL, taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/core/error.hpp"

namespace btfs::net {

struct HttpUrl {
    static constexpr std::size_t kMaxSize = 8192;

    std::string text;  ///< all of it, without a fragment
    bool https = false;
    std::string host;  ///< a name or an address, IPv6 without brackets
    std::uint16_t port = 0;
    std::string target;      ///< path and query, at least "/"
    std::string host_field;  ///< for the Host header: with brackets, and the port if it is not the usual one

    /// http and https with a host; else http_bad_url.
    static Result<HttpUrl> parse(std::string_view url);
    /// What a Location header, absolute or relative to this URL, points to.
    Result<HttpUrl> resolved(std::string_view location) const;
};

}  // namespace btfs::net
