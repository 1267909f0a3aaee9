// Requests that the web server answers, and its answers, without any socket.
#pragma once

#include <string>
#include <string_view>

#include "cli/http/request_guard.hpp"
#include "cli/http/stream_head.hpp"
#include "engine/core/endpoint.hpp"

namespace btfs::cli {

/// Views live as long as the message that they were taken from.
struct WebRequest {
    std::string_view method;  ///< "GET", in capitals
    std::string_view path;    ///< percent-encoded, without the query
    std::string_view body;
    std::string_view content_type, authorization, session_id;
    std::string_view forwarded_scheme;  ///< X-Forwarded-Proto
    RequestOrigin origin;
    StreamRequest stream;
    Address from;    ///< the other end of the connection
    Address client;  ///< the same, or the one for which a proxy on this machine asks
    std::string_view user_agent;

    bool is_read() const { return method == "GET" || method == "HEAD"; }
};

struct WebReply {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body = {};
    Headers headers = {};
};

}  // namespace btfs::cli
