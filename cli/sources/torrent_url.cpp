#include "cli/sources/torrent_url.hpp"

#include <algorithm>

#include "engine/http/http_url.hpp"

namespace btfs::cli {
namespace {

constexpr Duration kTimeout = 30s;
constexpr Duration kStallTimeout = 10s;
constexpr Duration kFirstRetry = 2s;
constexpr Duration kLongestRetry = 10min;

bool starts_with_any_case(std::string_view text, std::string_view prefix) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return text.size() >= prefix.size() &&
           std::ranges::equal(text.substr(0, prefix.size()), prefix, {}, lower);
}

bool is_lasting(const Error& error) {
    for (Errc errc :
         {Errc::http_bad_url, Errc::http_malformed, Errc::http_too_large, Errc::http_too_many_redirects,
          Errc::http_redirect_refused, Errc::http_redirect_insecure})
        if (error == errc) return true;
    return error.category().name() == std::string_view("asio.ssl");  // by name, to avoid Asio's headers
}

bool says_later(unsigned status) {
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

}  // namespace

bool looks_like_url(std::string_view text) {
    return starts_with_any_case(text, "http://") || starts_with_any_case(text, "https://");
}

bool looks_like_file_url(std::string_view text) {
    return starts_with_any_case(text, "file://");
}

std::string shown_url(std::string_view url) {
    return http::without_credentials(url.substr(0, url.find_first_of("?#")));
}

net::HttpRequest torrent_request(std::string url) {
    net::HttpRequest request;
    request.url = std::move(url);
    request.timeout = kTimeout;
    request.stall_timeout = kStallTimeout;
    request.max_body_size = kMaxTorrentFileSize;
    return request;
}

UrlAnswer judge(const Result<net::HttpResponse>& response) {
    UrlAnswer answer;
    if (!response) {
        answer.problem = response.error().message();
        answer.again = !is_lasting(response.error());
        return answer;
    }
    const bool is_magnet = response->final_url.starts_with("magnet:");
    if (response->status != 200 && !is_magnet) {
        answer.problem = "HTTP status " + std::to_string(response->status);
        answer.again = says_later(response->status);
        return answer;
    }
    const ByteView content = as_bytes(is_magnet ? response->final_url : response->body);
    auto torrent = parse_source(content);
    if (torrent) {
        answer.torrent = std::move(*torrent);
        answer.content.assign(content.begin(), content.end());
    } else {
        answer.problem = "what is there " + torrent.error().message();
    }
    return answer;
}

Duration retry_delay(unsigned failures) {
    return std::min<Duration>(kFirstRetry * (1 << std::min(failures - 1, 10U)), kLongestRetry);
}

}  // namespace btfs::cli
