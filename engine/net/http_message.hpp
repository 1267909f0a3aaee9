// HTTP requests and responses as their callers see them, without Asio.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "engine/core/endpoint.hpp"
#include "engine/core/time.hpp"
#include "engine/http/local_access.hpp"
#include "engine/net/families.hpp"

namespace btfs::net {

struct HttpRequest {
    std::string url;  ///< escaped by the client (see http::escaped_url); may hold "user:password@"
    Families families = Families::both;
    Duration timeout = 30s;                      ///< for all of it, redirects included
    std::optional<Duration> stall_timeout = {};  ///< between one byte of a response and the next
    std::size_t max_body_size = 1 << 20;         ///< decompressed
    /// Where the URL may lead besides public addresses; everywhere if the user wrote it.
    http::LocalAccess local_access = http::LocalAccess::everything;
    LookUp look_up = LookUp::ordinary;
};

struct HttpResponse {
    unsigned status = 0;
    std::string body;  ///< decompressed
    /// Without credentials. A magnet link if the server redirects there: then there is no body.
    std::string final_url;
    Address server = {};  ///< that answered
};

}  // namespace btfs::net
