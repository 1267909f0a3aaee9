#include "cli/sources/torrent_url.hpp"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

namespace btfs::cli {
namespace {

const std::string kMagnet = "magnet:?xt=urn:btih:" + std::string(40, 'a');

net::HttpResponse response(unsigned status, std::string body = {}, std::string final_url = "http://host/") {
    return {status, std::move(body), std::move(final_url)};
}

TEST(TorrentUrl, IsHttpOrHttps) {
    for (const char* text : {"http://host/", "HTTPS://host/x.torrent", "http://127.0.0.1"})
        EXPECT_TRUE(looks_like_url(text)) << text;
    for (const char* text : {"http.torrent", "ftp://host/", "http:/host", "magnet:?x", ""})
        EXPECT_FALSE(looks_like_url(text)) << text;
}

TEST(TorrentUrl, IsShownWithoutItsSecrets) {
    EXPECT_EQ(shown_url("http://host/a/b.torrent?passkey=x#y"), "http://host/a/b.torrent");
    EXPECT_EQ(shown_url("http://host"), "http://host");
    EXPECT_EQ(shown_url("https://user:secret@host:1/a@b.torrent"), "https://host:1/a@b.torrent");
    EXPECT_EQ(shown_url("https://user:se@cret@host?x"), "https://host");
}

TEST(TorrentUrl, ADownloadIsLimited) {
    const net::HttpRequest request = torrent_request("http://host/");
    EXPECT_EQ(request.url, "http://host/");
    EXPECT_EQ(request.timeout, 30s);
    EXPECT_EQ(request.stall_timeout, 10s);
    EXPECT_EQ(request.max_body_size, kMaxTorrentFileSize);
}

TEST(TorrentUrl, AMagnetLinkIsTaken) {
    for (const net::HttpResponse& from : {response(302, {}, kMagnet), response(200, kMagnet + "\n")}) {
        const UrlAnswer answer = judge(from);
        ASSERT_TRUE(answer.torrent) << answer.problem;
        EXPECT_EQ(answer.torrent->identity.cache_key(), std::string(40, 'a'));
        EXPECT_FALSE(answer.content.empty());
    }
    EXPECT_FALSE(judge(response(302, {}, "magnet:?dn=nothing")).torrent);
}

TEST(TorrentUrl, WhatMayPassIsTriedAgain) {
    for (unsigned status : {408u, 425u, 429u, 500u, 502u, 503u, 504u})
        EXPECT_TRUE(judge(response(status)).again) << status;
    for (const Error& error :
         {make_error_code(Errc::timed_out), make_error_code(Errc::name_not_found),
          make_error_code(Errc::connection_closed), Error(boost::asio::error::connection_refused)})
        EXPECT_TRUE(judge(error).again) << error.message();
}

TEST(TorrentUrl, WhatWillStayIsNot) {
    for (unsigned status : {204u, 206u, 304u, 400u, 401u, 403u, 404u, 410u}) {
        const UrlAnswer answer = judge(response(status));
        EXPECT_FALSE(answer.again || answer.torrent) << status;
        EXPECT_NE(answer.problem.find(std::to_string(status)), std::string::npos);
    }
    for (const char* body : {"", "<html>", "d4:infodee"}) {
        const UrlAnswer answer = judge(response(200, body));
        EXPECT_FALSE(answer.again || answer.torrent) << body;
        EXPECT_NE(answer.problem, "");
    }
    for (const Error& error :
         {make_error_code(Errc::http_too_large), make_error_code(Errc::http_too_many_redirects),
          make_error_code(Errc::http_redirect_refused), make_error_code(Errc::http_redirect_insecure),
          make_error_code(Errc::http_malformed), Error(1, boost::asio::error::get_ssl_category())})
        EXPECT_FALSE(judge(error).again) << error.message();
}

TEST(TorrentUrl, RetriesComeEverMoreSeldom) {
    EXPECT_EQ(retry_delay(1), 2s);
    EXPECT_EQ(retry_delay(2), 4s);
    EXPECT_EQ(retry_delay(9), 512s);
    for (unsigned failures : {10u, 11u, 40u, 1'000'000u}) EXPECT_EQ(retry_delay(failures), 10min);
}

}  // namespace
}  // namespace btfs::cli
