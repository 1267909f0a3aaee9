// URL of a proxy (`--proxy`), taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/core/error.hpp"

namespace btfs::proxy {

enum class Protocol : std::uint8_t {
    socks5,  ///< RFC 1928
    http,    ///< CONNECT and absolute URLs (RFC 9110, RFC 9112)
};

/// User and password for a proxy. Neither is ever shown or logged.
struct Credentials {
    std::string user;
    std::string password;

    bool empty() const { return user.empty() && password.empty(); }
};

struct ProxyUrl {
    /// Of user and password each, in bytes, as RFC 1929 has them.
    static constexpr std::size_t kMaxCredential = 255;
    static constexpr std::size_t kMaxHost = 255;
    static constexpr std::size_t kMaxSize = 4096;

    Protocol protocol = Protocol::socks5;
    std::string host;  ///< a name or an address, IPv6 without brackets
    std::uint16_t port = 0;
    Credentials credentials;

    /// Parses "socks5://[user:password@]host:port" (also "socks5h", as curl writes it when the proxy looks
    /// names up) or "http://[user:password@]host:port". User and password may be percent-encoded. Errors:
    /// proxy_bad_url.
    static Result<ProxyUrl> parse(std::string_view url);
    /// Returns the URL without credentials, for logs and the status.
    std::string shown() const;
};

}  // namespace btfs::proxy
