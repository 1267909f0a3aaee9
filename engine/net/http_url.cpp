#include "engine/net/http_url.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

namespace btfs::net {

Result<HttpUrl> HttpUrl::parse(std::string_view url) {
    url = url.substr(0, url.find('#'));
    if (url.size() > kMaxSize) return Errc::http_bad_url;
    const auto parsed = boost::urls::parse_uri({url.data(), url.size()});
    if (!parsed || !parsed->has_authority() || parsed->has_userinfo()) return Errc::http_bad_url;

    HttpUrl result;
    result.text = url;
    result.https = parsed->scheme_id() == boost::urls::scheme::https;
    if (!result.https && parsed->scheme_id() != boost::urls::scheme::http) return Errc::http_bad_url;
    result.host = parsed->host_address();
    if (result.host.empty()) return Errc::http_bad_url;

    const std::uint16_t usual = result.https ? 443 : 80;
    result.port = usual;
    const auto port = parsed->port();
    if (!port.empty()) {
        const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), result.port);
        if (error != std::errc{} || result.port == 0) return Errc::http_bad_url;
    }
    const auto host = parsed->encoded_host();
    result.host_field.assign(host.data(), host.size());
    if (result.port != usual) result.host_field += ':' + std::to_string(result.port);
    const auto target = parsed->encoded_target();
    result.target.assign(target.data(), target.size());
    if (!result.target.starts_with('/')) result.target.insert(0, 1, '/');
    return result;
}

Result<HttpUrl> HttpUrl::resolved(std::string_view location) const {
    if (location.size() > kMaxSize) return Errc::http_bad_url;
    const auto base = boost::urls::parse_uri(text);
    const auto reference = boost::urls::parse_uri_reference({location.data(), location.size()});
    if (!base || !reference) return Errc::http_bad_url;
    boost::urls::url found;
    if (!boost::urls::resolve(*base, *reference, found)) return Errc::http_bad_url;
    const auto whole = found.buffer();
    return parse({whole.data(), whole.size()});
}

}  // namespace btfs::net
