#include "engine/dht/node.hpp"

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "engine/metainfo/bencode.hpp"
#include "tests/engine/dht/network/dht_network.hpp"

namespace btfs::dht {
namespace {

using test::Network;

/// Adds `count` nodes, which find each other.
std::vector<Endpoint> grow(Network& network, std::size_t count, AddressFamily family = AddressFamily::v4) {
    std::vector<Endpoint> nodes;
    for (std::size_t i = 0; i < count; ++i) {
        nodes.push_back(network.add_node(family));
        if (i == 0) continue;
        network.node(nodes[i]).add_router(nodes[network.rng().below(i)], true, network.now());
        network.touch(nodes[i]);
        network.run_for(100ms);
    }
    network.run_for(1min);
    return nodes;
}

template <class Event>
std::vector<Event> events_of(Node& node) {
    std::vector<Event> events;
    while (auto event = node.poll_event())
        if (auto* wanted = std::get_if<Event>(&*event)) events.push_back(std::move(*wanted));
    return events;
}

struct Found {
    std::set<Endpoint> peers;
    std::optional<PeersLookedUp> end;
};

Found look_up(Network& network, const Endpoint& at, const NodeId& info_hash,
              std::optional<Node::Announce> announce) {
    Found found;
    Node& node = network.node(at);
    EXPECT_TRUE(node.find_peers(info_hash, announce, network.now()));
    network.touch(at);
    EXPECT_TRUE(network.run_until(
        [&] {
            while (auto event = node.poll_event()) {
                if (const auto* some = std::get_if<PeersFound>(&*event))
                    found.peers.insert(some->peers.begin(), some->peers.end());
                if (const auto* end = std::get_if<PeersLookedUp>(&*event)) found.end = *end;
            }
            return found.end.has_value();
        },
        1min));
    network.run_for(1s);  // announces arrive
    return found;
}

class DhtOfEachFamily : public testing::TestWithParam<AddressFamily> {};
INSTANTIATE_TEST_SUITE_P(Family, DhtOfEachFamily, testing::Values(AddressFamily::v4, AddressFamily::v6));

TEST_P(DhtOfEachFamily, WhatOneAnnouncesAnotherFinds) {
    Network network(1);
    const auto nodes = grow(network, 60, GetParam());
    const NodeId info_hash = random_id(network.rng());
    EXPECT_TRUE(look_up(network, nodes[3], info_hash, Node::Announce{6881, true}).peers.empty());
    const Found found = look_up(network, nodes[40], info_hash, std::nullopt);
    EXPECT_EQ(found.peers, (std::set<Endpoint>{{nodes[3].address, 6881}}));
    EXPECT_GE(found.end->asked, 8u);
}

TEST(NodeTest, TheFirstLookupNeedsNothingButARouter) {
    Network network(2);
    const auto nodes = grow(network, 60);
    const NodeId info_hash = random_id(network.rng());
    look_up(network, nodes[3], info_hash, Node::Announce{6881, true});
    const Endpoint fresh = network.add_node();
    network.node(fresh).add_router(nodes[7], true, network.now());
    EXPECT_EQ(look_up(network, fresh, info_hash, std::nullopt).peers.size(), 1u);
    EXPECT_GE(network.node(fresh).table().size(), 8u);
}

TEST(NodeTest, NodesThatAreRefusedAreNeitherAskedNorAnswered) {
    Network network(30);
    const auto nodes = grow(network, 60);
    const NodeId info_hash = random_id(network.rng());
    look_up(network, nodes[3], info_hash, Node::Announce{6881, true});
    const Endpoint fresh = network.add_node();
    std::set<Address> refused;
    for (std::size_t i = 10; i < 40; ++i) refused.insert(nodes[i].address);
    network.node(fresh).set_refusal([&](const Address& address) { return refused.contains(address); });
    for (std::size_t i = 9; i < 12; ++i) network.node(fresh).add_router(nodes[i], true, network.now());
    EXPECT_EQ(look_up(network, fresh, info_hash, std::nullopt).peers.size(), 1u);
    network.run_for(1h);
    EXPECT_GE(network.node(fresh).table().size(), 8u);
    for (const Contact& contact : network.node(fresh).table().contacts())
        EXPECT_FALSE(refused.contains(contact.endpoint.address));
    for (std::size_t i = 10; i < 40; ++i)  // nobody that it refuses has had a word of it
        for (const Contact& contact : network.node(nodes[i]).table().contacts())
            EXPECT_NE(contact.endpoint, fresh);
}

TEST(NodeTest, NodesThatAreRefusedFromNowOnAreForgotten) {
    Network network(31);
    const auto nodes = grow(network, 30);
    Node& node = network.node(nodes[0]);
    std::set<Address> refused;
    node.set_refusal([&](const Address& address) { return refused.contains(address); });
    const auto before = node.table().contacts();
    ASSERT_GE(before.size(), 8u);
    for (std::size_t i = 0; i < before.size(); i += 2) refused.insert(before[i].endpoint.address);
    node.handle_refusal_change();
    for (const Contact& contact : node.table().contacts())
        EXPECT_FALSE(refused.contains(contact.endpoint.address));
    EXPECT_GE(node.table().size(), before.size() / 2);
    network.run_for(2h);
    for (const Contact& contact : node.table().contacts())
        EXPECT_FALSE(refused.contains(contact.endpoint.address));
}

TEST(NodeTest, NodesOfAnEarlierRunDoInsteadOfARouter) {
    Network network(3);
    const auto nodes = grow(network, 60);
    const NodeId info_hash = random_id(network.rng());
    look_up(network, nodes[3], info_hash, Node::Announce{6881, true});
    const auto kept = network.node(nodes[9]).table().contacts();
    for (std::size_t i = 0; i < kept.size(); i += 3)
        if (kept[i].endpoint != nodes[3]) network.kill(kept[i].endpoint);
    const Endpoint again = network.add_node();
    network.node(again).add_contacts(kept, network.now());
    EXPECT_EQ(look_up(network, again, info_hash, std::nullopt).peers.size(), 1u);
}

TEST(NodeTest, TransactionIdsDoNotFollowFromTheSeed) {
    const auto transaction = [] {
        Rng rng(7);
        Node node(AddressFamily::v4, rng, TimePoint{} + 1h);
        node.add_router(*Endpoint::parse("192.0.2.1:6881"), true, TimePoint{} + 1h);
        const auto datagram = node.poll_datagram();
        return std::get<Query>(*parse_krpc(datagram.value().bytes)).transaction;
    };
    EXPECT_EQ(transaction().size(), 4u);
    EXPECT_NE(transaction(), transaction());
}

/// Adds a node and its only router, which does not answer: from now on the network loses everything.
Endpoint add_without_answers(Network& network) {
    const auto nodes = grow(network, 20);
    network.loss = 1;
    const Endpoint fresh = network.add_node();
    network.node(fresh).add_router(nodes[0], true, network.now());
    network.touch(fresh);
    return fresh;
}

TEST(NodeTest, ARouterThatIsDeadAtFirstIsTriedAgain) {
    Network network(4);
    const Endpoint fresh = add_without_answers(network);
    network.run_for(30s);
    EXPECT_EQ(network.node(fresh).table().size(), 0u);
    network.loss = 0;
    network.run_for(1min);
    EXPECT_GE(network.node(fresh).table().size(), 8u);
}

TEST(NodeTest, ARouterThatStaysDeadIsTriedEachFewMinutes) {
    Network network(4);
    const Endpoint fresh = add_without_answers(network);
    network.run_for(1h);
    const std::uint64_t before = network.bytes_sent(fresh);
    network.run_for(Node::kLongestRetry + 10s);
    const std::uint64_t of_one_try = network.bytes_sent(fresh) - before;
    EXPECT_GT(of_one_try, 0u);
    network.run_for(24h);
    EXPECT_LE(network.bytes_sent(fresh) - before, 300 * of_one_try) << "288 tries a day, and the one before";
}

/// Host that answers every query with an item.
class Holder final : public test::Host {
  public:
    Holder(const NodeId& id, RawItem item) : id_(id), item_(std::move(item)) {}
    void handle_datagram(const Endpoint& from, ByteView datagram, TimePoint) override {
        const auto message = parse_krpc(datagram);
        const auto* query = message ? std::get_if<Query>(&*message) : nullptr;
        if (!query) return;
        Bytes reply;
        bencode::Writer writer(reply);
        writer.begin_dictionary().key("r").begin_dictionary().key("id").string(id_.view());
        if (std::holds_alternative<GetItem>(query->method))
            writer.key("k")
                .string(item_.key)
                .key("seq")
                .integer(*item_.sequence)
                .key("sig")
                .string(item_.signature)
                .key("v")
                .raw(item_.value);
        writer.end().key("t").string(query->transaction).key("y").string("r").end();
        reply_ = Datagram{from, reply};
    }
    std::optional<Datagram> poll_datagram() override { return std::exchange(reply_, std::nullopt); }

  private:
    NodeId id_;
    RawItem item_;
    std::optional<Datagram> reply_;
};

TEST(NodeTest, OfAnItemTheNewestThatIsProvenIsFound) {
    // BEP 44's first vector, and a forged item that claims to be newer.
    const auto publisher =
        *PublicKey::from_hex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548");
    const auto first =
        *Digest<32>::from_hex("305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff");
    const auto second =
        *Digest<32>::from_hex("1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01");
    RawItem item;
    const ByteView value = as_bytes("12:Hello World!");
    item.value.assign(value.begin(), value.end());
    item.key = as_text(publisher.view());
    item.signature = std::string(as_text(first.view())) + std::string(as_text(second.view()));
    item.sequence = 1;
    RawItem forged = item;
    forged.sequence = 2;

    Network network(6);
    const auto nodes = grow(network, 30);
    const ItemName name = ItemName::mutable_of(publisher, "");
    for (const RawItem& held : {item, forged}) {
        const NodeId id = random_id_near(name.target, 40, network.rng());
        const Endpoint at = network.add(std::make_unique<Holder>(id, held));
        for (const Endpoint& node : nodes) {
            network.node(node).add_router(at, false, network.now());
            network.touch(node);
        }
    }
    const Endpoint asker = nodes[20];
    const Endpoint fresh = network.add_node();
    for (const Contact& contact : {Contact{network.node(asker).id(), asker}})
        network.node(fresh).add_contacts({&contact, 1}, network.now());
    network.touch(fresh);
    network.run_for(10s);
    ASSERT_TRUE(network.node(fresh).find_item(name, network.now()));
    network.touch(fresh);
    network.run_for(10s);
    const auto found = events_of<ItemLookedUp>(network.node(fresh));
    ASSERT_EQ(found.size(), 1u);
    ASSERT_TRUE(found[0].item);
    EXPECT_EQ(found[0].item->sequence, 1);
    EXPECT_EQ(found[0].item->value, item.value);
}

TEST(NodeTest, TakesAnIdThatItsAddressMayHave) {
    Network network(5);
    const auto nodes = grow(network, 40);
    for (const Endpoint& at : nodes) {
        EXPECT_EQ(network.node(at).our_address(), at.address);
        EXPECT_TRUE(is_secure(network.node(at).id(), at.address));
    }
}

/// Host that sends queries which the test writes.
class Stranger {
  public:
    Stranger(Node& node, std::string address) : node_(node), from_{*Address::parse(address), 7000} {}

    Response ask(Method method, TimePoint now) {
        return std::get<Response>(reply_to(std::move(method), now));
    }
    Message reply_to(Method method, TimePoint now) {
        node_.handle_datagram(from_, encode(Query{"tx", NodeId{}, std::move(method), true}), now);
        const auto datagram = node_.poll_datagram();
        if (!datagram || datagram->to != from_) return ErrorReply{"", 0, "nothing"};
        return *parse_krpc(datagram->bytes);
    }

  private:
    Node& node_;
    Endpoint from_;
};

class AnsweringNode : public testing::Test {
  protected:
    Rng rng{1};
    TimePoint now{1h};
    Node node{AddressFamily::v4, rng, now};
    NodeId info_hash = random_id(rng);
    Stranger alice{node, "192.0.2.1"}, bob{node, "198.51.100.1"};
};

TEST_F(AnsweringNode, ATokenIsGoodForOneAddressAndTorrentAndTenMinutes) {
    const std::string token = alice.ask(GetPeers{info_hash, {}, false, false}, now).token;
    const auto announce = [&](Stranger& who, const NodeId& hash, TimePoint when) {
        return std::holds_alternative<Response>(
            who.reply_to(AnnouncePeer{hash, 1, false, false, token}, when));
    };
    EXPECT_TRUE(announce(alice, info_hash, now));
    EXPECT_TRUE(announce(alice, info_hash, now + 4min));
    EXPECT_FALSE(announce(bob, info_hash, now + 4min));
    EXPECT_FALSE(announce(alice, random_id(rng), now + 4min));
    EXPECT_TRUE(announce(alice, info_hash, now + 9min));
    EXPECT_FALSE(announce(alice, info_hash, now + 15min));
}

TEST_F(AnsweringNode, TellsOfPeersUntilTheyAreOld) {
    const auto values = [&](TimePoint when) { return bob.ask(GetPeers{info_hash, {}, false, true}, when); };
    EXPECT_FALSE(values(now).peer_filter);
    const std::string token = alice.ask(GetPeers{info_hash, {}, false, false}, now).token;
    alice.ask(AnnouncePeer{info_hash, 6881, false, true, token}, now);
    const Response response = values(now);
    ASSERT_EQ(response.values.size(), 1u);
    EXPECT_EQ(response.values[0].text(), "192.0.2.1:6881");
    EXPECT_NEAR(response.seed_filter->estimate(), 1, 0.1);
    EXPECT_NEAR(response.peer_filter->estimate(), 0, 0.1);
    EXPECT_EQ(response.your_endpoint->text(), "198.51.100.1:7000");
    node.handle_timeout(now + 31min);
    EXPECT_TRUE(values(now + 31min).values.empty());
}

TEST_F(AnsweringNode, SaysNoMoreToOneHostThanItsShare) {
    std::size_t answered = 0;
    for (int i = 0; i < 10'000; ++i) {
        const Message reply = alice.reply_to(Ping{}, now + i * 1ms);
        answered += std::holds_alternative<Response>(reply) ? 1 : 0;
    }
    EXPECT_LT(answered, 600u);
    EXPECT_GT(answered, 100u);
    EXPECT_TRUE(std::holds_alternative<Response>(bob.reply_to(Ping{}, now + 10s))) << "others are not hurt";
}

TEST_F(AnsweringNode, AHostBeyondItsShareIsNoWork) {
    const std::string token = alice.ask(GetPeers{info_hash, {}, false, false}, now).token;
    while (std::holds_alternative<Response>(alice.reply_to(Ping{}, now))) {
    }
    alice.reply_to(AnnouncePeer{info_hash, 6881, false, false, token}, now);
    EXPECT_EQ(node.peers().size(), 0u) << "the query was carried out before the budget was asked";
    alice.reply_to(AnnouncePeer{info_hash, 6881, false, false, token}, now + 1min);
    EXPECT_EQ(node.peers().size(), 1u);
}

TEST(NodeTest, AllOfA64IsOneHost) {
    Rng rng(1);
    const TimePoint now{1h};
    Node node(AddressFamily::v6, rng, now);
    const NodeId info_hash = random_id(rng);
    std::size_t answered = 0;
    for (int i = 0; i < 2000; ++i) {
        Stranger stranger(node, "2001:db8::" + std::to_string(i));
        const Message reply = stranger.reply_to(GetPeers{info_hash, {}, false, false}, now);
        if (!std::holds_alternative<Response>(reply)) continue;
        ++answered;
        stranger.reply_to(AnnouncePeer{info_hash, 6881, false, false, std::get<Response>(reply).token}, now);
    }
    EXPECT_EQ(node.peers().size(), 1u);
    EXPECT_LT(answered, 300u);
}

/// Runs a look-up of peers whose only node answers with these values and nodes. Returns the peers found.
std::vector<Endpoint> told_by(const char* teller, std::vector<Endpoint> values, std::vector<Contact> nodes,
                              std::size_t& asked) {
    Rng rng(1);
    const TimePoint now{1h};
    Node node(AddressFamily::v4, rng, now);
    const Endpoint at{*Address::parse(teller), 6881};
    node.add_router(at, true, now);
    node.find_peers(random_id(rng), std::nullopt, now);
    std::vector<Endpoint> found;
    const NodeId id = random_id(rng);
    while (const auto datagram = node.poll_datagram()) {
        const auto query = parse_krpc(datagram->bytes);
        ++asked;
        Response response;
        response.transaction = std::get<Query>(*query).transaction;
        response.sender = id;
        response.values = values;
        response.nodes = nodes;
        if (datagram->to == at) node.handle_datagram(at, encode(response), now);
    }
    for (const PeersFound& some : events_of<PeersFound>(node))
        found.insert(found.end(), some.peers.begin(), some.peers.end());
    return found;
}

TEST(NodeTest, APublicNodeCannotNameHostsOfOurOwnNetwork) {
    const std::vector<Endpoint> values{*Endpoint::parse("127.0.0.1:80"), *Endpoint::parse("192.168.1.1:80"),
                                       *Endpoint::parse("203.0.113.5:0"),
                                       *Endpoint::parse("203.0.113.5:6881")};
    Rng rng(2);
    const std::vector<Contact> nodes{{random_id(rng), *Endpoint::parse("10.0.0.1:53")}};
    std::size_t asked_of_public = 0, asked_of_private = 0;
    const auto found = told_by("198.51.100.1", values, nodes, asked_of_public);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].text(), "203.0.113.5:6881");
    EXPECT_EQ(told_by("192.168.1.9", values, nodes, asked_of_private).size(), 2u);
    EXPECT_GT(asked_of_private, asked_of_public);
}

TEST(NodeTest, LookupsAndQueriesUnderWayAreBounded) {
    Rng rng(1);
    const TimePoint now{1h};
    Node node(AddressFamily::v4, rng, now);
    for (int i = 1; i <= 200; ++i)
        node.add_router({*Address::parse("192.0.2." + std::to_string(i)), 6881}, true, now);
    std::size_t accepted = 0, sent = 0;
    for (int i = 0; i < 100; ++i) accepted += node.find_peers(random_id(rng), std::nullopt, now) ? 1 : 0;
    EXPECT_LE(accepted, Node::kMaxLookups);
    EXPECT_GE(accepted, Node::kMaxLookups - 1);  // one may be the node's own look-up
    for (int i = 0; i < 100; ++i) {
        node.handle_timeout(now + i * 10ms);
        while (node.poll_datagram()) ++sent;
    }
    EXPECT_LE(sent, Node::kMaxPending);
}

TEST(NodeTest, ASearchThatIsEndedAnnouncesNothingAndMayBeginAnew) {
    Network network(8);
    const auto nodes = grow(network, 40);
    const NodeId info_hash = random_id(network.rng());
    Node& node = network.node(nodes[3]);
    ASSERT_TRUE(node.find_peers(info_hash, Node::Announce{6881, true}, network.now()));
    network.touch(nodes[3]);
    network.run_for(1ms);  // the first queries are under way
    node.end_search(info_hash);
    network.run_for(1min);
    EXPECT_TRUE(events_of<PeersLookedUp>(node).empty());
    for (const Endpoint& each : nodes) EXPECT_EQ(network.node(each).peers().size(), 0u);
    ASSERT_TRUE(node.find_peers(info_hash, Node::Announce{6881, true}, network.now()));
    node.end_search(info_hash);
    look_up(network, nodes[3], info_hash, Node::Announce{6881, true});
    EXPECT_EQ(look_up(network, nodes[20], info_hash, std::nullopt).peers.size(), 1u);
}

TEST(NodeTest, InAnotherNetworkItLearnsItsAddressAnew) {
    Network network(7);
    const auto nodes = grow(network, 40);
    Node& node = network.node(nodes[20]);
    ASSERT_TRUE(node.our_address());
    node.handle_network_change(network.now());
    EXPECT_FALSE(node.our_address());
    EXPECT_LE(node.next_timeout(), network.now() + Node::kTimeout);
    network.touch(nodes[20]);
    network.run_for(1min);
    EXPECT_EQ(node.our_address(), nodes[20].address);
}

TEST_F(AnsweringNode, AnswersWhatItDoesNotUnderstand) {
    EXPECT_EQ(std::get<ErrorReply>(alice.reply_to(AnnouncePeer{info_hash, 1, false, false, "no"}, now)).code,
              203);
    node.handle_datagram(*Endpoint::parse("192.0.2.9:1"),
                         as_bytes("d1:ad2:id20:abcdefghij0123456789e1:q4:vote1:t2:aa1:y1:qe"), now);
    const auto datagram = node.poll_datagram();
    EXPECT_EQ(std::get<ErrorReply>(*parse_krpc(datagram->bytes)).code, 204);
}

TEST_F(AnsweringNode, AReplyLeavesFromTheAddressThatWasAsked) {
    const Address asked = *Address::parse("203.0.113.5");
    node.handle_datagram(*Endpoint::parse("192.0.2.9:1"), encode(Query{"tx", random_id(rng), Ping{}}), now,
                         asked);
    const auto reply = node.poll_datagram();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->from, asked);
    const auto query = node.poll_datagram();  // whether the sender is a node
    ASSERT_TRUE(query);
    EXPECT_EQ(query->from, Address());
}

TEST_F(AnsweringNode, AReplyThatNobodyAskedForIsNotBelieved) {
    Response response;
    response.transaction = "abcd";
    response.sender = random_id(rng);
    response.nodes = {{random_id(rng), *Endpoint::parse("192.0.2.77:1")}};
    node.handle_datagram(*Endpoint::parse("192.0.2.9:1"), encode(response), now);
    EXPECT_EQ(node.table().size(), 0u);
    EXPECT_FALSE(node.poll_datagram());
}

TEST(NodeTest, IsReadOnlyWhenNobodyElseGetsThrough) {
    Rng rng(1);
    Reachability behind_nat{TimePoint{}};
    const Endpoint peer = *Endpoint::parse("192.0.2.9:1");
    for (int i = 0; i < 200; ++i) behind_nat.on_reply();
    behind_nat.on_sent(peer, TimePoint{} + 9min);
    behind_nat.on_query(peer, TimePoint{} + 9min);  // through the hole in the NAT that we made
    EXPECT_FALSE(behind_nat.read_only(TimePoint{} + 9min));
    EXPECT_TRUE(behind_nat.read_only(TimePoint{} + 10min));
    behind_nat.on_query(*Endpoint::parse("192.0.2.10:1"), TimePoint{} + 11min);
    EXPECT_FALSE(behind_nat.read_only(TimePoint{} + 11min));
}

}  // namespace
}  // namespace btfs::dht
