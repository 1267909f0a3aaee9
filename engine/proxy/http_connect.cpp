#include "engine/proxy/http_connect.hpp"

#include <limits>

#include "engine/http/http_url.hpp"

namespace btfs::proxy {

std::string authorization_field(const Credentials& credentials) {
    if (credentials.empty()) return {};
    const std::string both = credentials.user + ':' + credentials.password;
    return "Proxy-Authorization: " + http::basic_authorization(both) + "\r\n";
}

HttpConnect::HttpConnect(const HostPort& to, const Credentials& credentials)
    : has_credentials_(!credentials.empty()),
      parser_(
          {.max_header_size = kMaxHeaderSize, .max_body_size = std::numeric_limits<std::uint64_t>::max()}) {
    const std::string host = to.text();
    ByteWriter(output_).text("CONNECT " + host + " HTTP/1.1\r\nHost: " + host + "\r\n" +
                             authorization_field(credentials) + "\r\n");
}

Result<std::size_t> HttpConnect::handle_bytes(ByteView bytes) {
    std::size_t taken = 0;
    // Byte by byte, so that the parser takes nothing behind the header.
    while (!parser_.header_done() && taken < bytes.size())
        if (parser_.feed(as_text(bytes.subspan(taken++, 1)))) return Errc::proxy_malformed;
    if (!parser_.header_done()) return taken;
    const unsigned status = parser_.status();
    if (status / 100 == 2) return taken;
    if (status == 407) return has_credentials_ ? Errc::proxy_login_refused : Errc::proxy_login_needed;
    if (status >= 502 && status <= 504) return Errc::proxy_host_unreachable;
    return Errc::proxy_refused;
}

}  // namespace btfs::proxy
