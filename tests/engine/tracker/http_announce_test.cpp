#include "engine/tracker/http_announce.hpp"

#include <gtest/gtest.h>

#include <string>

#include "engine/core/rng.hpp"
#include "engine/tracker/tracker_url.hpp"

namespace btfs::tracker {
namespace {

using namespace std::string_literals;

AnnounceRequest request() {
    AnnounceRequest r;
    r.info_hash = *Sha1Digest::from_hex("123456789abcdef123456789abcdef123456789a");
    std::ranges::copy(as_bytes("-FS0100-abcdefghi\0~ "s), r.peer_id.begin());
    r.port = 6881;
    r.uploaded = 1;
    r.downloaded = 22;
    r.left = 333;
    r.key = 0xBEEF;
    r.numwant = 50;
    return r;
}

std::string url_of(std::string_view tracker, const AnnounceRequest& r = request()) {
    const auto url = http_announce_url(tracker, r);
    return url ? *url : "error: " + url.error().message();
}

Result<AnnounceReply> parse(std::string_view body) {
    return parse_http_announce(as_bytes(body));
}

TEST(HttpAnnounceTest, SaysAllThatTrackersWant) {
    EXPECT_EQ(url_of("http://tracker.example/announce"),
              "http://tracker.example/announce?info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A"
              "&peer_id=-FS0100-abcdefghi%00~%20&port=6881&uploaded=1&downloaded=22&left=333&key=0000BEEF"
              "&numwant=50&compact=1&no_peer_id=1");
}

TEST(HttpAnnounceTest, AppendsToWhatTheUrlHolds) {
    EXPECT_TRUE(url_of("https://t.example/a.php?passkey=x%2f")
                    .starts_with("https://t.example/a.php?passkey=x%2f&info_hash="));
    EXPECT_TRUE(url_of("http://t.example/a?").starts_with("http://t.example/a?info_hash="));
    EXPECT_TRUE(url_of("http://t.example/a?b&").starts_with("http://t.example/a?b&info_hash="));
    EXPECT_TRUE(url_of("http://t.example:81").starts_with("http://t.example:81/?info_hash="));
    EXPECT_TRUE(url_of("http://t.example/a#frag").starts_with("http://t.example/a?info_hash="));
}

TEST(HttpAnnounceTest, NamesTheEventAndEchoesTheTrackerId) {
    AnnounceRequest r = request();
    r.event = AnnounceEvent::paused;
    r.tracker_id = "a&b";
    EXPECT_TRUE(url_of("http://t.example/a", r).ends_with("&event=paused&trackerid=a%26b"));
    r.event = AnnounceEvent::started;
    EXPECT_NE(url_of("http://t.example/a", r).find("&event=started"), std::string::npos);
}

TEST(HttpAnnounceTest, RefusesUrlsThatAreNotHttp) {
    for (const char* bad : {"", "udp://t.example:80/a", "ftp://t.example/", "http://", "http:///a",
                            "t.example/a", "http://t.example:0/a", "http://t.example:99999/a",
                            "http://t.exa mple/a", "http://f\u00fcr.example/a"}) {
        const auto url = http_announce_url(bad, request());
        ASSERT_FALSE(url) << bad;
        EXPECT_EQ(url.error(), Errc::tracker_bad_url);
    }
    EXPECT_FALSE(http_announce_url("http://t.example/" + std::string(kMaxUrlSize, 'a'), request()));
}

TEST(HttpAnnounceTest, UrlsAreAskedEscaped) {
    EXPECT_TRUE(
        url_of("http://t.example/a b|c[1]/ann").starts_with("http://t.example/a%20b%7Cc%5B1%5D/ann?info"));
    EXPECT_TRUE(url_of("http://t.example/\u00fc?k=x|y&z=[]")
                    .starts_with("http://t.example/%C3%BC?k=x%7Cy&z=%5B%5D&info"));
    EXPECT_TRUE(url_of("http://t.example/100%/ann").starts_with("http://t.example/100%25/ann?info"));
    EXPECT_TRUE(url_of(" http://t.example/ann\r\n").starts_with("http://t.example/ann?info"));
    EXPECT_TRUE(
        url_of("http://us er:p|w@t.example/ann").starts_with("http://us%20er:p%7Cw@t.example/ann?info"));
    EXPECT_TRUE(url_of("HTTP://T.example/ann").starts_with("HTTP://T.example/ann?info"));
}

TEST(HttpAnnounceTest, ReadsCompactPeersOfBothFamilies) {
    const std::string v4 =
        "\xC0\x00\x02\x01\x1A\xE1"s + "\x00\x00\x00\x00\x1A\xE1"s;  // the second one has no address
    const std::string v6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01\x1A\xE1"s;
    const auto reply = parse(
        "d8:completei3e11:external ip4:\xC6\x33\x64\x07"
        "10:incompletei4e8:intervali1800e12:min intervali900e"
        "5:peers12:"s +
        v4 + "6:peers618:" + v6 + "10:tracker id3:xyz15:warning message2:hme");
    ASSERT_TRUE(reply);
    EXPECT_FALSE(reply->refused());
    EXPECT_EQ(reply->interval, 1800s);
    EXPECT_EQ(reply->min_interval, 900s);
    EXPECT_EQ(reply->complete, 3u);
    EXPECT_EQ(reply->incomplete, 4u);
    EXPECT_EQ(reply->tracker_id, "xyz");
    EXPECT_EQ(reply->warning, "hm");
    ASSERT_TRUE(reply->external_ip);
    EXPECT_EQ(reply->external_ip->text(), "198.51.100.7");
    ASSERT_EQ(reply->peers.size(), 2u);
    EXPECT_EQ(reply->peers[0].text(), "192.0.2.1:6881");
    EXPECT_EQ(reply->peers[1].text(), "[2001:db8::1]:6881");
}

TEST(HttpAnnounceTest, ReadsDictionariesOfPeers) {
    const auto reply = parse(
        "d8:intervali60e5:peersld2:ip9:192.0.2.17:peer "
        "id20:aaaaaaaaaaaaaaaaaaaa4:porti1eed2:ip12:peer.example4:porti2eed2:ip11:2001:db8::24:porti3eeee");
    ASSERT_TRUE(reply);
    ASSERT_EQ(reply->peers.size(), 2u) << "a name is not looked up";
    EXPECT_EQ(reply->peers[1].text(), "[2001:db8::2]:3");
}

TEST(HttpAnnounceTest, ARefusalIsAReplyWithItsReason) {
    const auto reply = parse("d14:failure reason12:go away\n\x1b[1m8:retry ini5ee"s);
    ASSERT_TRUE(reply);
    EXPECT_TRUE(reply->refused());
    EXPECT_EQ(reply->failure_reason, "go away  [1m");
    EXPECT_EQ(reply->retry_in, Duration(5min));
    EXPECT_EQ(parse("d14:failure reason1:x8:retry in5:nevere")->retry_in, Duration::max());
    EXPECT_TRUE(parse("d14:failure reason0:e")->refused());
    EXPECT_LE(parse("d14:failure reason5000:" + std::string(5000, 'x') + "e")->failure_reason.size(),
              kMaxReasonSize);
}

TEST(HttpAnnounceTest, IntervalsAreKeptUsable) {
    EXPECT_EQ(parse("d8:intervali0ee")->interval, 1min) << "asked more often, trackers ban";
    EXPECT_EQ(parse("d8:intervali59ee")->interval, 1min);
    EXPECT_EQ(parse("d8:intervali61ee")->interval, 61s);
    EXPECT_EQ(parse("d8:intervali-9223372036854775808ee")->interval, kShortestInterval);
    EXPECT_EQ(parse("d8:intervali9223372036854775807ee")->interval, kLongestInterval);
    EXPECT_EQ(parse("d5:peers0:e")->interval, kDefaultInterval);
    EXPECT_TRUE(parse("d8:intervali60e5:peers0:e\r\n")) << "what follows does not matter";
}

TEST(HttpAnnounceTest, GarbageIsABadReply) {
    for (const std::string& bad : {""s, "<html>404</html>"s, "i1e"s, "le"s, "de"s, "d3:fooi1ee"s,
                                   "d8:intervali60e"s, "d8:complete3:manye"s}) {
        const auto reply = parse(bad);
        ASSERT_FALSE(reply) << bad;
        EXPECT_EQ(reply.error(), Errc::tracker_bad_reply);
    }
    EXPECT_FALSE(parse(std::string(1000, 'l') + std::string(1000, 'e')));
    EXPECT_FALSE(parse("d5:peers" + std::to_string(kMaxHttpReplySize) + ":" +
                       std::string(kMaxHttpReplySize, 'a') + "e"));
}

TEST(HttpAnnounceTest, AReplyThatIsTooDeepOrHasTooManyValuesIsABadReply) {
    const auto with = [](const std::string& more) {
        return parse("d8:intervali60e5:peers0:1:z" + more + "e");
    };
    const auto nested = [](std::size_t depth) { return std::string(depth, 'l') + std::string(depth, 'e'); };
    const auto list = [](std::size_t count) {
        std::string text = "l";
        for (std::size_t i = 0; i < count; ++i) text += "i1e";
        return text + 'e';
    };
    EXPECT_TRUE(with(nested(5)));
    EXPECT_FALSE(with(nested(9)));
    EXPECT_TRUE(with(list(60'000)));
    EXPECT_FALSE(with(list(70'000)));
}

/// Returns the peers of a reply, or "bad" if the reply cannot be parsed.
std::string peers_of(const std::string& body) {
    const auto reply = parse(body);
    if (!reply) return "bad";
    std::string all;
    for (const Endpoint& peer : reply->peers) all += (all.empty() ? "" : " ") + peer.text();
    return all;
}

const std::string kPeer = "\xC0\x00\x02\x01\x1A\xE1"s;
const std::string kPeer6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01\x1A\xE1"s;

std::string str(const std::string& text) {
    return std::to_string(text.size()) + ':' + text;
}

TEST(HttpAnnounceTest, BytesBehindTheLastWholePeerAreIgnored) {
    for (std::size_t more = 0; more < 6; ++more)
        EXPECT_EQ(peers_of("d8:intervali60e5:peers" + str(kPeer + kPeer.substr(0, more)) + "e"),
                  "192.0.2.1:6881");
    for (std::size_t more = 0; more < 18; more += 5)
        EXPECT_EQ(peers_of("d8:intervali60e6:peers6" + str(kPeer6 + kPeer6.substr(0, more)) + "e"),
                  "[2001:db8::1]:6881");
    EXPECT_EQ(peers_of("d8:intervali60e5:peers" + str(kPeer + "x") + "6:peers6" + str(kPeer6 + "y") + "e"),
              "192.0.2.1:6881 [2001:db8::1]:6881");
    EXPECT_EQ(peers_of("d5:peers3:abce"), "");
}

TEST(HttpAnnounceTest, OneBadPeerAmongSeveralIsLeftOut) {
    const std::string good = "d2:ip9:192.0.2.14:porti6881ee";
    for (const std::string& bad :
         {"i1e"s, "0:"s, "le"s, "de"s, "d2:ip9:192.0.2.9e"s, "d4:porti1ee"s,
          "d2:ip9:192.0.2.94:porti70000ee"s, "d2:ip9:192.0.2.94:porti-1ee"s, "d2:ip9:192.0.2.94:porti0ee"s,
          "d2:ip9:192.0.2.94:porti18446744073709551615ee"s, "d2:ip9:192.0.2.94:port4:6881e"s,
          "d2:ipi5e4:porti1ee"s, "d2:ip11:no.address.4:porti1ee"s, "d2:ip7:0.0.0.04:porti1ee"s})
        EXPECT_EQ(peers_of("d8:intervali60e5:peersl" + bad + good + bad + "ee"), "192.0.2.1:6881") << bad;
    EXPECT_EQ(peers_of("d8:intervali60e5:peersi1e6:peers6" + str(kPeer6) + "e"), "[2001:db8::1]:6881");
    EXPECT_EQ(peers_of("d8:intervali60e5:peersde6:peers6l" + good + "ee"), "192.0.2.1:6881");
}

TEST(HttpAnnounceTest, CountsAndTimesThatCannotBeAreIgnored) {
    for (const char* odd : {"i18446744073709551615e", "i-1e", "i-0e", "i007e", "4:many", "le"}) {
        const auto reply = parse("d8:complete"s + odd + "10:incomplete" + odd + "5:peers" + str(kPeer) + "e");
        ASSERT_TRUE(reply) << odd;
        EXPECT_FALSE(reply->complete) << odd;
        EXPECT_FALSE(reply->incomplete) << odd;
        EXPECT_EQ(reply->peers.size(), 1u);
    }
    const auto times =
        parse("d8:intervali18446744073709551615e12:min intervali-5e5:peers" + str(kPeer) + "e");
    EXPECT_EQ(times->interval, kLongestInterval);
    EXPECT_EQ(times->min_interval, kShortestInterval);
    EXPECT_EQ(parse("d8:intervali0090ee")->interval, 90s);
    EXPECT_EQ(parse("d8:interval5:30min5:peers0:e")->interval, kDefaultInterval);
    EXPECT_EQ(parse("d14:failure reason1:x8:retry ini18446744073709551615ee")->retry_in, Duration(24h));
}

TEST(HttpAnnounceTest, TakesABoundedNumberOfPeers) {
    std::string peers;
    for (int i = 0; i < 10'000; ++i) peers += "\xC0\x00\x02\x01\x1A\xE1"s;
    const auto reply = parse("d8:intervali60e5:peers" + std::to_string(peers.size()) + ":" + peers + "e");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->peers.size(), kMaxPeersPerReply);
}

TEST(HttpAnnounceTest, RandomBytesNeverCrash) {
    Rng rng(5);
    const std::string good =
        "d8:completei3e8:intervali1800e5:peers6:\xC0\x02\x02\x01\x1A\xE1"
        "6:peers60:e";
    for (int i = 0; i < 20'000; ++i) {
        std::string bad = good;
        for (std::uint64_t n = 1 + rng.below(4); n > 0; --n)
            bad[rng.below(bad.size())] = static_cast<char>(rng.next());
        parse(bad);
    }
}

TEST(TrackerUrlTest, TakesUrlsApart) {
    const auto udp = TrackerUrl::parse("udp://[2001:db8::1]:6969/announce?x=y");
    ASSERT_TRUE(udp);
    EXPECT_EQ(udp->scheme, TrackerScheme::udp);
    EXPECT_EQ(udp->host, "2001:db8::1");
    EXPECT_EQ(udp->port, 6969);
    EXPECT_EQ(udp->target, "/announce?x=y");
    EXPECT_EQ(TrackerUrl::parse("https://t.example/a")->port, 443);
    EXPECT_EQ(TrackerUrl::parse("http://t.example")->port, 80);
    EXPECT_EQ(TrackerUrl::parse("udp://t.example:1")->target, "");
    EXPECT_FALSE(TrackerUrl::parse("udp://t.example/announce")) << "UDP has no usual port";
    EXPECT_FALSE(TrackerUrl::parse("wss://t.example/announce"));
    EXPECT_EQ(TrackerUrl::parse("Udp://u:p@t.example:1/a b")->target, "/a%20b");
    EXPECT_EQ(TrackerUrl::parse("http://u:p@t.example/a|b")->host, "t.example");
}

}  // namespace
}  // namespace btfs::tracker
