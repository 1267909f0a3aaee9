#include "engine/proxy/proxy_url.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <optional>

#include "engine/core/ascii.hpp"
#include "engine/core/host_port.hpp"
#include "engine/http/http_url.hpp"

namespace btfs::proxy {
namespace {

std::optional<Protocol> protocol_of(std::string_view scheme) {
    const std::string lower = ascii_lower(scheme);
    if (lower == "socks5" || lower == "socks5h") return Protocol::socks5;
    if (lower == "http") return Protocol::http;
    return std::nullopt;
}

bool fits(std::string_view credential) {
    return credential.size() <= ProxyUrl::kMaxCredential;
}

}  // namespace

Result<ProxyUrl> ProxyUrl::parse(std::string_view url) {
    if (url.size() > kMaxSize) return Errc::proxy_bad_url;
    const std::string escaped = http::escaped_url(url);
    const auto parsed = boost::urls::parse_uri({escaped.data(), escaped.size()});
    if (!parsed || !parsed->has_authority() || parsed->has_query() || parsed->has_fragment())
        return Errc::proxy_bad_url;
    const auto path = parsed->encoded_path();
    if (!path.empty() && path != "/") return Errc::proxy_bad_url;
    const auto scheme = parsed->scheme();
    const auto protocol = protocol_of({scheme.data(), scheme.size()});
    if (!protocol) return Errc::proxy_bad_url;

    ProxyUrl result;
    result.protocol = *protocol;
    result.host = parsed->host_address();
    const auto port = parsed->port();
    const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), result.port);
    if (!http::is_usable_host(result.host) || result.host.size() > kMaxHost || error != std::errc{} ||
        stop != port.data() + port.size() || result.port == 0)
        return Errc::proxy_bad_url;
    if (parsed->has_userinfo()) result.credentials = {parsed->user(), parsed->password()};
    const auto& [user, password] = result.credentials;
    // RFC 1929 has no login with an empty name; RFC 7617 has none with a colon in it.
    const bool bad_user = *protocol == Protocol::socks5 ? user.empty() && !password.empty()
                                                        : user.find(':') != std::string::npos;
    if (!fits(user) || !fits(password) || bad_user) return Errc::proxy_bad_url;
    return result;
}

std::string ProxyUrl::shown() const {
    return (protocol == Protocol::socks5 ? "socks5://" : "http://") + HostPort{host, port}.text();
}

}  // namespace btfs::proxy
