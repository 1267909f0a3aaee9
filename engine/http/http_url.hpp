// HTTP URLs, taken apart; and repair of URLs as people, torrents and servers write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/core/error.hpp"

namespace btfs::http {

/// A URL or relative reference in which only characters stand that RFC 3986 allows there: blanks around it
/// are removed, and so are tabs and line breaks; other bytes that may not stand where they do (blanks, UTF-8,
/// '|',
/// '[' and ']' behind the host, quotes, '%' that escapes nothing) are percent-encoded. What is escaped
/// already stays so; a sound URL stays as it is. The host is left alone. Used for announce URLs, Location
/// headers and URLs on the command line alike.
std::string escaped_url(std::string_view url);

/// The URL without user and password, by its text alone: for logs and messages. It need not be a sound one.
std::string without_credentials(std::string_view url);

/// True if `host` has only characters of names and addresses, IPv6 without brackets: percent-encoding, or a
/// torrent, may have put others there.
bool is_usable_host(std::string_view host);

/// The value of an Authorization or Proxy-Authorization header (RFC 7617) for "user:password".
std::string basic_authorization(std::string_view credentials);

struct HttpUrl {
    static constexpr std::size_t kMaxSize = 8192;  ///< escaped

    std::string text;  ///< all of it, escaped, without credentials and fragment
    bool https = false;
    std::string host;  ///< a name or an address, IPv6 without brackets
    std::uint16_t port = 0;
    std::string target;       ///< path and query, at least "/"
    std::string host_field;   ///< for the Host header: with brackets, and the port if it is not the usual one
    std::string credentials;  ///< "user:password", decoded; empty if the URL names none. Never shown

    /// http and https with a host, once escaped; else http_bad_url.
    static Result<HttpUrl> parse(std::string_view url);
    /// The URL that a Location header points to, absolute or relative to this URL. Credentials go along to
    /// the same origin only.
    Result<HttpUrl> resolved(std::string_view location) const;

    /// True if scheme, host and port are the same.
    bool same_origin(const HttpUrl& other) const;
    /// The value of the Authorization header (RFC 7617); empty without credentials.
    std::string authorization() const;
};

}  // namespace btfs::http
