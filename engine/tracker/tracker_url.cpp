#include "engine/tracker/tracker_url.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

#include "engine/http/http_url.hpp"

namespace btfs::tracker {

Result<TrackerUrl> TrackerUrl::parse(std::string_view url) {
    if (url.size() > kMaxUrlSize) return Errc::tracker_bad_url;
    const std::string escaped = http::escaped_url(url);
    const auto parsed = boost::urls::parse_uri({escaped.data(), escaped.size()});
    if (!parsed || !parsed->has_authority()) return Errc::tracker_bad_url;

    TrackerUrl result;
    switch (parsed->scheme_id()) {
        case boost::urls::scheme::http:
            result.scheme = TrackerScheme::http;
            break;
        case boost::urls::scheme::https:
            result.scheme = TrackerScheme::https;
            break;
        default:
            std::string scheme(parsed->scheme().data(), parsed->scheme().size());
            for (char& c : scheme)
                if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
            if (scheme != "udp") return Errc::tracker_bad_url;
            result.scheme = TrackerScheme::udp;
    }
    result.host = parsed->host_address();
    if (result.host.empty()) return Errc::tracker_bad_url;

    if (parsed->has_port() && !parsed->port().empty()) {
        const std::string_view digits(parsed->port().data(), parsed->port().size());
        const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
        if (error != std::errc{} || result.port == 0) return Errc::tracker_bad_url;
    } else {
        if (result.scheme == TrackerScheme::udp) return Errc::tracker_bad_url;
        result.port = result.scheme == TrackerScheme::http ? 80 : 443;
    }
    const auto target = parsed->encoded_target();
    result.target.assign(target.data(), target.size());
    return result;
}

}  // namespace btfs::tracker
