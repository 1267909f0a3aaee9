#include "engine/http/http_url.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

#include "engine/core/hex.hpp"

namespace btfs::http {
namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Returns true for RFC 3986's unreserved characters and sub-delims, which may stand in each part of a URL.
bool is_plain(char c) {
    return is_letter(c) || is_digit(c) ||
           std::string_view("-._~!$&'()*+,;=").find(c) != std::string_view::npos;
}

/// Appends `text` with all bytes escaped that are neither plain, nor in `also`, nor part of an escape.
void append_escaped(std::string& out, std::string_view text, std::string_view also) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool escape =
            c == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) && hex_digit(text[i + 2]);
        if (escape || is_plain(c) || also.find(c) != std::string_view::npos) {
            out += c;
        } else {
            out += percent_encoded(static_cast<std::byte>(c));
        }
    }
}

/// Returns the size of "scheme:", or 0 for a relative reference.
std::size_t scheme_size(std::string_view url) {
    if (url.empty() || !is_letter(url.front())) return 0;
    const auto end = std::ranges::find_if_not(
        url, [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; });
    return end != url.end() && *end == ':' ? static_cast<std::size_t>(end - url.begin()) + 1 : 0;
}

/// Returns the offset of the host in an authority: behind the last '@', or 0.
std::size_t host_begin(std::string_view authority) {
    const std::size_t at = authority.rfind('@');
    return at == std::string_view::npos ? 0 : at + 1;
}

}  // namespace

bool is_usable_host(std::string_view host) {
    return !host.empty() && std::ranges::all_of(host, [](char c) {
        return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_' || c == ':';
    });
}

std::string escaped_url(std::string_view url) {
    std::string cleaned(url);
    std::erase_if(cleaned, [](char c) { return c == '\t' || c == '\r' || c == '\n'; });
    std::string_view rest = cleaned;
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    while (rest.ends_with(' ')) rest.remove_suffix(1);

    std::string out;
    out.reserve(rest.size() + 16);
    const std::size_t scheme = scheme_size(rest);
    out += rest.substr(0, scheme);
    rest.remove_prefix(scheme);
    if (rest.starts_with("//")) {
        const std::string_view authority = rest.substr(2, rest.find_first_of("/?#", 2) - 2);
        const std::size_t host = host_begin(authority);
        out += "//";
        if (host > 0) {
            append_escaped(out, authority.substr(0, host - 1), ":");
            out += '@';
        }
        out += authority.substr(host);
        rest.remove_prefix(2 + authority.size());
    }
    const std::size_t path_end = std::min(rest.find_first_of("?#"), rest.size());
    append_escaped(out, rest.substr(0, path_end), ":@/");
    rest.remove_prefix(path_end);
    for (const char begin : {'?', '#'}) {
        if (!rest.starts_with(begin)) continue;
        const std::size_t end = std::min(begin == '?' ? rest.find('#') : rest.size(), rest.size());
        out += begin;
        append_escaped(out, rest.substr(1, end - 1), ":@/?");
        rest.remove_prefix(end);
    }
    return out;
}

std::string without_credentials(std::string_view url) {
    const std::size_t slashes = url.find("//");
    const std::size_t begin = slashes == std::string_view::npos ? 0 : slashes + 2;
    const std::string_view authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
    return std::string(url.substr(0, begin)).append(url.substr(begin + host_begin(authority)));
}

Result<HttpUrl> HttpUrl::parse(std::string_view url) {
    if (url.size() > kMaxSize) return Errc::http_bad_url;
    std::string escaped = escaped_url(url);
    escaped.resize(std::min(escaped.find('#'), escaped.size()));
    if (escaped.size() > kMaxSize) return Errc::http_bad_url;
    const auto parsed = boost::urls::parse_uri({escaped.data(), escaped.size()});
    if (!parsed || !parsed->has_authority()) return Errc::http_bad_url;

    HttpUrl result;
    result.https = parsed->scheme_id() == boost::urls::scheme::https;
    if (!result.https && parsed->scheme_id() != boost::urls::scheme::http) return Errc::http_bad_url;
    result.host = parsed->host_address();
    if (!is_usable_host(result.host)) return Errc::http_bad_url;
    if (parsed->has_userinfo()) result.credentials = parsed->user() + ':' + parsed->password();

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
    result.text = (result.https ? "https://" : "http://") + result.host_field + result.target;
    return result;
}

Result<HttpUrl> HttpUrl::resolved(std::string_view location) const {
    if (location.size() > kMaxSize) return Errc::http_bad_url;
    const std::string escaped = escaped_url(location);
    const auto base = boost::urls::parse_uri(text);
    const auto reference = boost::urls::parse_uri_reference({escaped.data(), escaped.size()});
    if (!base || !reference) return Errc::http_bad_url;
    boost::urls::url found;
    if (!boost::urls::resolve(*base, *reference, found)) return Errc::http_bad_url;
    const auto whole = found.buffer();
    auto result = parse({whole.data(), whole.size()});
    if (result && result->credentials.empty() && same_origin(*result)) result->credentials = credentials;
    return result;
}

bool HttpUrl::same_origin(const HttpUrl& other) const {
    return https == other.https && host == other.host && port == other.port;
}

std::string HttpUrl::authorization() const {
    return credentials.empty() ? std::string() : basic_authorization(credentials);
}

std::string basic_authorization(std::string_view credentials) {
    std::string encoded((credentials.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL writes a NUL behind it
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                     reinterpret_cast<const unsigned char*>(credentials.data()),
                                     static_cast<int>(credentials.size()));
    encoded.resize(static_cast<std::size_t>(size));
    return "Basic " + encoded;
}

}  // namespace btfs::http
