#include "engine/dht/krpc.hpp"

#include <gtest/gtest.h>

namespace btfs::dht {
namespace {

// Ids of the example messages in BEP 5.
const NodeId kAlice = NodeId::from(as_bytes("abcdefghij0123456789"));
const NodeId kBob = NodeId::from(as_bytes("mnopqrstuvwxyz123456"));

template <class T>
T parse(std::string_view text) {
    auto message = parse_krpc(as_bytes(text));
    EXPECT_TRUE(message) << text;
    return std::get<T>(std::move(*message));
}

template <class M>
M parse_method(std::string_view text) {
    return std::get<M>(parse<Query>(text).method);
}

TEST(Krpc, ReadsTheQueriesOfBep5) {
    const auto ping = parse<Query>("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe");
    EXPECT_EQ(ping.transaction, "aa");
    EXPECT_EQ(ping.sender, kAlice);
    EXPECT_TRUE(std::holds_alternative<Ping>(ping.method));
    EXPECT_FALSE(ping.read_only);

    EXPECT_EQ(parse_method<FindNode>("d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:"
                                     "find_node1:t2:aa1:y1:qe")
                  .target,
              kBob);
    EXPECT_EQ(
        parse_method<GetPeers>("d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:"
                               "get_peers1:t2:aa1:y1:qe")
            .info_hash,
        kBob);
    const auto announce = parse_method<AnnouncePeer>(
        "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:"
        "token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe");
    EXPECT_EQ(announce.info_hash, kBob);
    EXPECT_EQ(announce.port, 6881);
    EXPECT_TRUE(announce.implied_port);
    EXPECT_EQ(announce.token, "aoeusnth");
}

TEST(Krpc, ReadsTheRepliesOfBep5) {
    EXPECT_EQ(parse<Response>("d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re").sender, kBob);
    const auto peers = parse<Response>(
        "d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re");
    EXPECT_EQ(peers.token, "aoeusnth");
    ASSERT_EQ(peers.values.size(), 2u);
    EXPECT_EQ(peers.values[0].text(), "97.120.106.101:11893");
    const auto error = parse<ErrorReply>("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee");
    EXPECT_EQ(error.code, 201);
    EXPECT_EQ(error.text, "A Generic Error Ocurred");
}

TEST(Krpc, WhatIsWrittenIsReadBack) {
    const Endpoint v4 = *Endpoint::parse("192.0.2.1:6881"), v6 = *Endpoint::parse("[2001:db8::1]:1");
    Response response;
    response.transaction = "tx";
    response.sender = kBob;
    response.nodes = {{kAlice, v4}, {kBob, v6}};
    response.values = {v4, v6};
    response.token = "secret";
    response.seed_filter.emplace();
    response.peer_filter.emplace();
    response.peer_filter->insert(v4.address);
    response.your_endpoint = v6;
    const Bytes bytes = encode(response);
    const auto read = parse<Response>(as_text(bytes));
    EXPECT_EQ(read.nodes, response.nodes);
    EXPECT_EQ(read.values, response.values);
    EXPECT_EQ(read.token, "secret");
    EXPECT_EQ(read.your_endpoint, v6);
    EXPECT_DOUBLE_EQ(read.seed_filter->estimate(), 0);
    EXPECT_NEAR(read.peer_filter->estimate(), 1, 0.01);

    for (bool on : {false, true}) {
        const Query query{"t", kAlice, GetPeers{kBob, {on, !on}, on, on}, on};
        const auto again = parse<Query>(as_text(encode(query)));
        EXPECT_EQ(again.read_only, on);
        const auto& method = std::get<GetPeers>(again.method);
        EXPECT_EQ(method.want, (Want{on, !on}));
        EXPECT_EQ(method.scrape, on);
        EXPECT_EQ(method.no_seeds, on);
    }
    const Query announce{"t", kAlice, AnnouncePeer{kBob, 6881, false, true, "token"}, false};
    const auto again = parse_method<AnnouncePeer>(as_text(encode(announce)));
    EXPECT_TRUE(again.seed);
    EXPECT_EQ(again.port, 6881);
}

TEST(Krpc, AReplyIsNeverLargerThanADatagramMayBe) {
    for (const char* text : {"192.0.2.1:6881", "[2001:db8::1]:6881"}) {
        const Endpoint peer = *Endpoint::parse(text);
        Response response;
        response.transaction = std::string(kMaxTransaction, 't');
        response.sender = kBob;
        response.token = "12345678";
        response.nodes.assign(8, {kAlice, peer});
        response.values.assign(1000, peer);
        const Bytes bytes = encode(response);
        EXPECT_LE(bytes.size(), kMaxDatagram);
        EXPECT_GT(bytes.size(), kMaxDatagram - 25);
        EXPECT_GT(parse<Response>(as_text(bytes)).values.size(), 20u);
    }
}

TEST(Krpc, WhatAMethodLacksIsSaid) {
    parse_method<BadArguments>("d1:ad2:id20:abcdefghij0123456789e1:q9:find_node1:t2:aa1:y1:qe");
    parse_method<BadArguments>(
        "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:porti6881ee1:q13:announce_peer1:"
        "t2:"
        "aa1:y1:qe");
    EXPECT_FALSE(
        parse_method<UnknownMethod>("d1:ad2:id20:abcdefghij0123456789e1:q4:vote1:t2:aa1:y1:qe").target);
    EXPECT_EQ(parse_method<UnknownMethod>(
                  "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q4:vote1:t2:aa1:y1:qe")
                  .target,
              kBob);
}

TEST(Krpc, WhatIsNoMessageIsDropped) {
    for (std::string_view text :
         {"", "d", "de", "le", "i1e", "d1:y1:qe", "d1:t2:aa1:y1:qe", "d1:t2:aa1:y1:re", "d1:t2:aa1:y1:xe",
          "d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe", "d1:rd2:id21:abcdefghij01234567890e1:t2:aa1:y1:re",
          "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t33:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1:y1:qe"})
        EXPECT_FALSE(parse_krpc(as_bytes(text))) << text;
    EXPECT_FALSE(parse_krpc(Bytes(60'000, std::byte{'l'})));
}

TEST(Krpc, OfAMillionPeersInOneReplyAFewAreTaken) {
    std::string values;
    for (int i = 0; i < 900; ++i) values += "6:axje.u";
    const auto many =
        parse<Response>("d1:rd2:id20:abcdefghij01234567896:valuesl" + values + "ee1:t2:aa1:y1:re");
    EXPECT_EQ(many.values.size(), kMaxValues);
    EXPECT_FALSE(parse_krpc(
        as_bytes("d1:rd2:id20:abcdefghij01234567896:valuesl" + values + values + "ee1:t2:aa1:y1:re")))
        << "more than any datagram of the DHT has";
}

}  // namespace
}  // namespace btfs::dht
