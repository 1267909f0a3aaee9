// Client's side of an HTTP CONNECT (RFC 9110, 9.3.6).
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/host_port.hpp"
#include "engine/http/reply_parser.hpp"
#include "engine/proxy/proxy_url.hpp"

namespace btfs::proxy {

/// The Proxy-Authorization field with its line end; empty without credentials.
std::string authorization_field(const Credentials& credentials);

/// Machine without a socket, used as Socks5Client is. Memory: the header of the proxy's reply, of
/// kMaxHeaderSize bytes at most.
class HttpConnect {
  public:
    static constexpr std::size_t kMaxHeaderSize = 16 * 1024;

    HttpConnect(const HostPort& to, const Credentials& credentials);

    Bytes take_output() { return std::exchange(output_, {}); }
    /// Takes bytes of the proxy's reply. Returns how many: what is behind its header is the other side's.
    /// Errors: proxy_malformed; proxy_login_needed or proxy_login_refused (407); proxy_host_unreachable (502,
    /// 503, 504); proxy_refused for any other status that is no success.
    Result<std::size_t> handle_bytes(ByteView bytes);
    bool done() const { return parser_.header_done(); }
    /// Always true: an HTTP proxy judges its client and the other side in one reply.
    bool has_requested() const { return true; }

  private:
    const bool has_credentials_;
    Bytes output_;
    http::ReplyParser parser_;
};

}  // namespace btfs::proxy
