#include "engine/wire/peer_session.hpp"

#include <gtest/gtest.h>

#include <map>

#include "engine/wire/metadata_message.hpp"

namespace btfs::wire {
namespace {

constexpr std::uint32_t kPieceLength = 64 * 1024;
constexpr std::uint32_t kPieces = 20;

struct Places final : BlockPlaces {
    std::span<std::byte> place_of(const BlockRef& block) override {
        if (!direct) return {};
        auto& place = memory[block];
        place.resize(block.size);
        return place;
    }
    bool direct = true;
    std::map<BlockRef, std::vector<std::byte>> memory;
};

/// Two sessions that exchange bytes.
struct Pair {
    explicit Pair(bool seed = true, std::uint16_t our_dht_port = 0, std::uint16_t their_dht_port = 0)
        : nothing(kPieces),
          everything(kPieces, seed),
          us(config(Direction::outgoing, nothing, 'a', our_dht_port), our_places, now),
          them(config(Direction::incoming, everything, 'b', their_dht_port), their_places, now) {}

    PeerSession::Config config(Direction direction, const Bitfield& have, char name,
                               std::uint16_t dht_port = 0) {
        PeerId id{};
        id[0] = static_cast<std::byte>(name);
        return {.direction = direction,
                .identity = identity,
                .layout = &layout,
                .our_id = id,
                .remote = *Endpoint::parse("192.0.2.1:6881"),
                .dht_port = dht_port,
                .interested = direction == Direction::outgoing,
                .have = have};
    }

    static Bytes output(PeerSession& from, TimePoint now) {
        Bytes bytes;
        iovec buffers[16];
        while (const std::size_t count = from.send_buffers(buffers)) {
            std::size_t size = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const auto* data = static_cast<const std::byte*>(buffers[i].iov_base);
                bytes.insert(bytes.end(), data, data + buffers[i].iov_len);
                size += buffers[i].iov_len;
            }
            from.handle_sent(size, now);
        }
        return bytes;
    }

    /// Exchanges bytes until neither session has any.
    void exchange() {
        while (us.has_output() || them.has_output()) {
            them.handle_bytes(output(us, now), now);
            us.handle_bytes(output(them, now), now);
        }
    }

    template <class E>
    static std::optional<E> next(PeerSession& session) {
        while (auto event = session.poll_event())
            if (auto* wanted = std::get_if<E>(&*event)) return std::move(*wanted);
        return std::nullopt;
    }

    Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    Layout layout{kPieceLength, {{0, kPieceLength* std::uint64_t{kPieces} - 100, false}}};
    Bitfield nothing, everything;
    TimePoint now = TimePoint{} + 1h;
    Places our_places, their_places;
    PeerSession us, them;
};

const BlockRef kBlock{PieceIndex(2), 16384, 16384};

Bytes message(const Message& m) {
    Bytes out;
    append_message(out, m);
    return out;
}

// Transmission leaves what stands behind our handshake in a datagram of uTP unread until more comes.
TEST(PeerSession, OneThatPromptsSendsAKeepAliveOnceAfterThePeersFirstMessage) {
    Pair p;
    auto config = p.config(Direction::incoming, p.everything, 'c');
    config.prompts = true;
    PeerSession prompting(config, p.their_places, p.now);
    prompting.handle_bytes(Pair::output(p.us, p.now), p.now);
    Pair::output(prompting, p.now);  // the handshake and all that stands behind it
    const Bytes first = message(HaveNone{});
    prompting.handle_bytes(ByteView(first).first(3), p.now);
    EXPECT_FALSE(prompting.has_output());
    prompting.handle_bytes(ByteView(first).subspan(3), p.now);
    EXPECT_EQ(Pair::output(prompting, p.now), message(KeepAlive{}));
    prompting.handle_bytes(message(Interested{}), p.now);
    EXPECT_FALSE(prompting.has_output());
}

// aria2 hangs up if more than a handshake arrives before it has answered.
TEST(PeerSession, NothingButTheHandshakeIsSaidBeforeThePeersIsThere) {
    Pair p;
    p.us.set_interested(false);
    p.us.set_interested(true);
    EXPECT_EQ(Pair::output(p.us, p.now).size(), Handshake::kSize);
}

TEST(PeerSession, EagerInterestStandsRightBehindTheHandshakeAndIsSaidOnce) {
    Pair p;
    auto config = p.config(Direction::outgoing, p.nothing, 'c');
    config.eager = true;
    PeerSession eager(config, p.our_places, p.now);
    const Bytes first = Pair::output(eager, p.now);
    ASSERT_EQ(first.size(), Handshake::kSize + 5);
    EXPECT_EQ(first.back(), std::byte{2});
    p.them.handle_bytes(first, p.now);
    eager.handle_bytes(Pair::output(p.them, p.now), p.now);
    EXPECT_NE(Pair::output(eager, p.now).back(), std::byte{2});
    EXPECT_TRUE(p.them.peer_interested());
}

TEST(PeerSession, AHandshakeThatWentOutBeforeIsNotSentAgain) {
    Pair p;
    auto config = p.config(Direction::outgoing, p.nothing, 'c');
    config.greeted = true;
    config.eager = true;
    PeerSession session(config, p.our_places, p.now);
    p.them.handle_bytes(
        PeerSession::our_handshake(config.identity.wire_hash(), config.our_id, false).encode(), p.now);
    const Bytes first = Pair::output(session, p.now);
    EXPECT_EQ(first.size(), 5u) << "Interested";
    p.them.handle_bytes(first, p.now);
    session.handle_bytes(Pair::output(p.them, p.now), p.now);
    EXPECT_TRUE(session.greeted() && p.them.greeted());
    EXPECT_TRUE(p.them.peer_interested());
    p.them.handle_bytes(Pair::output(session, p.now), p.now);
    EXPECT_FALSE(Pair::next<Failed>(p.them)) << "no second handshake came";
}

// rTorrent takes any message but a bitfield right behind the handshake for "no pieces", and closes the
// connection at a later bitfield.
TEST(PeerSession, EagerInterestComesBehindOurBitfieldIfWeHavePieces) {
    Pair p;
    auto config = p.config(Direction::outgoing, p.nothing, 'c');
    config.eager = true;
    p.nothing.set(PieceIndex(3));
    PeerSession eager(config, p.our_places, p.now);
    p.nothing.set(PieceIndex(4));
    eager.announce_have(PieceIndex(4));
    const Bytes first = Pair::output(eager, p.now);
    ASSERT_EQ(first.size(), Handshake::kSize + (5 + 3) + 5 + 9);
    EXPECT_EQ(first[Handshake::kSize + 4], std::byte{5});
    EXPECT_EQ(first[Handshake::kSize + 8 + 4], std::byte{2});
    p.them.handle_bytes(first, p.now);
    eager.handle_bytes(Pair::output(p.them, p.now), p.now);
    p.them.handle_bytes(Pair::output(eager, p.now), p.now);
    EXPECT_FALSE(Pair::next<Failed>(p.them));
    EXPECT_TRUE(p.them.has(PieceIndex(3)) && p.them.has(PieceIndex(4)));
    EXPECT_FALSE(p.them.has(PieceIndex(5)));
}

TEST(PeerSession, InterestedComesWithTheFirstMessages) {
    Pair p;
    p.them.handle_bytes(Pair::output(p.us, p.now), p.now);
    p.us.handle_bytes(Pair::output(p.them, p.now), p.now);
    const Bytes first = Pair::output(p.us, p.now);
    ASSERT_GT(first.size(), 5u);
    EXPECT_EQ(first[4], std::byte{15});  // HaveNone, before anything else
    EXPECT_EQ(first.back(), std::byte{2});
}

TEST(PeerSession, BothLearnWhoAndWhatTheOtherIs) {
    Pair p;
    p.exchange();
    EXPECT_TRUE(p.us.greeted() && p.them.greeted());
    EXPECT_TRUE(p.us.is_seed());
    EXPECT_TRUE(p.them.pieces_known());
    EXPECT_FALSE(p.them.has(PieceIndex(0)));
    EXPECT_TRUE(p.them.peer_interested());
    EXPECT_EQ(p.us.reqq(), PeerSession::kOurReqq);
    EXPECT_TRUE(p.us.extended().upload_only);
    EXPECT_FALSE(p.them.extended().upload_only);
}

TEST(PeerSession, BothTellWhereTheirDhtNodesAreIfBothHaveOne) {
    Pair both(true, 6881, 6882);
    both.exchange();
    EXPECT_EQ(Pair::next<DhtPortTold>(both.us)->port, 6882);
    EXPECT_EQ(Pair::next<DhtPortTold>(both.them)->port, 6881);
    Pair one(true, 6881, 0);
    one.exchange();
    EXPECT_FALSE(Pair::next<DhtPortTold>(one.us));
    EXPECT_FALSE(Pair::next<DhtPortTold>(one.them));
}

TEST(PeerSession, ARequestedBlockComesIntoItsPlace) {
    Pair p;
    p.exchange();
    p.them.set_choking(false);
    p.exchange();
    ASSERT_TRUE(p.us.may_request(PieceIndex(2)));
    p.us.request(kBlock, p.now);
    p.exchange();
    const auto wanted = Pair::next<BlockWanted>(p.them);
    ASSERT_TRUE(wanted);
    EXPECT_EQ(wanted->block, kBlock);
    const std::vector<std::byte> content(kBlock.size, std::byte{0x5a});
    p.them.send_block(kBlock, {content, nullptr});
    p.exchange();
    const auto arrived = Pair::next<BlockArrived>(p.us);
    ASSERT_TRUE(arrived);
    EXPECT_TRUE(arrived->data.empty());
    EXPECT_EQ(p.our_places.memory[kBlock], content);
    EXPECT_EQ(p.us.requests().size(), 0u);
    EXPECT_EQ(p.us.requests().bytes(), 0u);
    EXPECT_EQ(p.them.content_sent(), kBlock.size);
}

TEST(PeerSession, ABlockWithoutAPlaceOfItsOwnComesWithTheEvent) {
    Pair p;
    p.our_places.direct = false;
    p.exchange();
    p.them.set_choking(false);
    p.exchange();
    p.us.request(kBlock, p.now);
    p.exchange();
    const std::vector<std::byte> content(kBlock.size, std::byte{0x5a});
    p.them.send_block(kBlock, {content, nullptr});
    p.exchange();
    const auto arrived = Pair::next<BlockArrived>(p.us);
    ASSERT_TRUE(arrived);
    EXPECT_EQ(arrived->data, content);
}

TEST(PeerSession, EveryCancelIsAnsweredOnce) {
    Pair p;
    p.exchange();
    p.them.set_choking(false);
    p.exchange();
    p.us.request(kBlock, p.now);
    p.exchange();
    p.us.cancel(kBlock, p.now);
    EXPECT_EQ(p.us.requests().size(), 1u);  // the request stays until it is answered
    p.exchange();
    EXPECT_TRUE(Pair::next<BlockNotWanted>(p.them));
    EXPECT_EQ(p.us.requests().size(), 0u);
    EXPECT_FALSE(Pair::next<BlockRefused>(p.us));
}

TEST(PeerSession, ACancelledRequestThatIsNeverAnsweredTimesOut) {
    Pair p;
    p.exchange();
    p.them.set_choking(false);
    p.exchange();
    p.us.request(kBlock, p.now);
    p.us.cancel(kBlock, p.now);
    ASSERT_LE(p.us.next_timeout(), p.now + 30s);
    p.now = p.us.next_timeout();
    p.us.handle_timeout(p.now);
    EXPECT_EQ(p.us.requests().size(), 0u);
}

/// Peer that answers a Cancel neither with a reject nor with the block, like Transmission.
struct IgnoredCancel : Pair {
    IgnoredCancel() {
        exchange();
        them.set_choking(false);
        exchange();
        us.request(kBlock, now);
        us.cancel(kBlock, now);
        output(us, now);
        now += 1ms;
    }
    void sends(const BlockRef& block) {
        const std::vector<std::byte> content(block.size);
        them.send_block(block, {content, nullptr});
        exchange();
    }
};

TEST(PeerSession, WhatIsAskedForAgainAfterAnIgnoredCancelArrives) {
    IgnoredCancel p;
    p.us.request(kBlock, p.now);
    p.exchange();
    p.sends(kBlock);
    EXPECT_TRUE(Pair::next<BlockArrived>(p.us));
    EXPECT_EQ(p.us.requests().size(), 0u) << "it answered what came after the Cancel";
    EXPECT_EQ(p.us.requests().bytes(), 0u);
}

TEST(PeerSession, WhoAnswersALaterRequestHasReadTheCancel) {
    IgnoredCancel p;
    const BlockRef other{PieceIndex(2), 0, 16384};
    p.us.request(other, p.now);
    p.exchange();
    p.sends(other);
    EXPECT_EQ(p.us.requests().size(), 0u);
    Bytes request;
    append_message(request, Request{kBlock});
    p.them.handle_bytes(request, p.now);
    p.sends(kBlock);
    EXPECT_TRUE(Pair::next<BlockUnneeded>(p.us)) << "it may come nevertheless";
}

/// Pair in which two blocks were on their way when they were cancelled, and are requested again one by one.
struct TooLateCancels : Pair {
    const BlockRef other{PieceIndex(2), 0, 16384};
    TooLateCancels() {
        exchange();
        them.set_choking(false);
        exchange();
        for (const BlockRef& block : {kBlock, other}) us.request(block, now);
        exchange();
        for (const BlockRef& block : {kBlock, other}) them.send_block(block, {content, nullptr});
        on_the_way = output(them, now);
        for (const BlockRef& block : {kBlock, other}) us.cancel(block, now);
        now += 1ms;
    }
    const std::vector<std::byte> content = std::vector<std::byte>(16384);
    Bytes on_the_way;
};

TEST(PeerSession, ABlockThatComesAfterItsCancelIsNoAnswerToALaterRequest) {
    TooLateCancels p;
    p.us.request(kBlock, p.now);
    const std::size_t middle = p.on_the_way.size() - 100;
    p.us.handle_bytes(ByteView(p.on_the_way).first(middle), p.now);
    EXPECT_TRUE(Pair::next<BlockArrived>(p.us));
    p.us.request(p.other, p.now);
    p.us.handle_bytes(ByteView(p.on_the_way).subspan(middle), p.now);
    EXPECT_TRUE(Pair::next<BlockUnneeded>(p.us));
    ASSERT_EQ(p.us.requests().size(), 1u);
    p.exchange();
    p.them.send_block(p.other, {p.content, nullptr});
    p.exchange();
    EXPECT_TRUE(Pair::next<BlockArrived>(p.us));
    EXPECT_EQ(p.us.requests().size(), 0u);
}

TEST(PeerSession, WhichOfTwoRequestsWasAnsweredIsNotGuessed) {
    TooLateCancels p;
    p.now += 3s;
    p.us.request(kBlock, p.now);
    p.us.handle_bytes(p.on_the_way, p.now);
    EXPECT_LT(p.us.requests().answered_until(), p.now);
}

/// The bytes arrive as a shell reads them: straight to where the session says.
void read_into_place(PeerSession& session, ByteView bytes, TimePoint now) {
    while (!bytes.empty()) {
        iovec buffers[16];
        const std::size_t count = session.receive_buffers(buffers);
        std::size_t read = 0;
        for (std::size_t i = 0; i < count && read < bytes.size(); ++i) {
            const std::size_t here = std::min(buffers[i].iov_len, bytes.size() - read);
            std::memcpy(buffers[i].iov_base, bytes.data() + read, here);
            read += here;
        }
        session.handle_received(read, now);
        bytes = bytes.subspan(read);
    }
}

// The bytes that follow such a block were read over it, since the block was expected again.
TEST(PeerSession, ABlockThatWasAskedForAgainIsNotOverwrittenByWhatFollowsIt) {
    Pair p;
    p.exchange();
    p.them.set_choking(false);
    p.exchange();
    p.us.request(kBlock, p.now);
    p.us.cancel(kBlock, p.now);
    p.us.request(kBlock, p.now);
    Pair::output(p.us, p.now);
    p.them.handle_bytes(message(Request{kBlock}), p.now);
    const std::vector<std::byte> content(kBlock.size, std::byte{7});
    p.them.send_block(kBlock, {content, nullptr});
    Bytes stream = Pair::output(p.them, p.now);
    for (int i = 0; i < 10; ++i) append_message(stream, Have{PieceIndex(1)});
    const std::size_t begun = kBlock.size / 2;
    read_into_place(p.us, ByteView(stream).first(begun), p.now);
    read_into_place(p.us, ByteView(stream).subspan(begun), p.now);
    EXPECT_TRUE(Pair::next<BlockArrived>(p.us));
    EXPECT_EQ(p.our_places.memory.at(kBlock), content);
}

TEST(PeerSession, ABlockOfARequestAndOneOfItsRepetitionAreBothTaken) {
    Pair p;
    p.exchange();
    p.them.set_choking(false);
    p.exchange();
    p.us.request(kBlock, p.now);
    p.us.cancel(kBlock, p.now);  // too late: the block is on its way
    p.us.request(kBlock, p.now);
    Pair::output(p.us, p.now);
    Bytes once;
    append_message(once, Request{kBlock});
    const std::vector<std::byte> content(kBlock.size);
    for (int i = 0; i < 2; ++i) {
        p.them.handle_bytes(once, p.now);
        p.them.send_block(kBlock, {content, nullptr});
        p.us.handle_bytes(Pair::output(p.them, p.now), p.now);
    }
    EXPECT_TRUE(Pair::next<BlockArrived>(p.us));
    EXPECT_TRUE(Pair::next<BlockUnneeded>(p.us));
    EXPECT_EQ(p.us.requests().size(), 0u);
}

// ---- metadata (BEP 9) ----

/// Pair in which the peer has an info dictionary and answers our ut_metadata messages.
struct MetadataPair : Pair {
    std::shared_ptr<const Bytes> info = std::make_shared<const Bytes>(40'000, std::byte{7});
    PeerSession theirs;
    explicit MetadataPair(bool hand_out = true) : theirs(their_config(hand_out), their_places, now) {
        ExtendedHandshake ours;
        ours.metadata_id = 5;
        Bytes first = output(us, now);
        append_message(first, Extended{kExtendedHandshakeId, ours.encode()});
        theirs.handle_bytes(first, now);
        output(theirs, now);
    }
    PeerSession::Config their_config(bool hand_out) {
        PeerSession::Config c = config(Direction::incoming, everything, 'b');
        if (hand_out) c.metadata = info;
        return c;
    }
    void ask(std::uint32_t piece) {
        const Bytes payload = encode(MetadataRequest{piece});
        Bytes message;
        append_message(message, Extended{kMetadataId, payload});
        theirs.handle_bytes(message, now);
    }
    /// Returns the only message that the peer has sent.
    Bytes answer() {
        const Bytes sent = output(theirs, now);
        const auto message = parse_message(ByteView(sent).subspan(4));
        if (!message || !std::holds_alternative<Extended>(*message)) return {};
        const auto& extended = std::get<Extended>(*message);
        EXPECT_EQ(extended.id, 5);
        return {extended.payload.begin(), extended.payload.end()};
    }
};

TEST(PeerSession, TheInfoDictionaryIsHandedOutPieceByPiece) {
    MetadataPair p;
    p.ask(2);
    const Bytes answer = p.answer();
    const auto message = parse_metadata_message(answer);
    ASSERT_TRUE(message && *message && std::holds_alternative<MetadataData>(**message));
    const auto& data = std::get<MetadataData>(**message);
    EXPECT_EQ(data.piece, 2u);
    EXPECT_EQ(data.total_size, 40'000u);
    EXPECT_EQ(data.data.size(), 40'000u - 2 * kMetadataPieceSize);
}

TEST(PeerSession, WhatIsBeyondTheInfoDictionaryOrNotHandedOutIsRefused) {
    for (const bool hand_out : {true, false}) {
        MetadataPair p(hand_out);
        for (std::uint32_t piece : {3u, 4'000'000'000u}) {
            p.ask(piece);
            const Bytes answer = p.answer();
            const auto message = parse_metadata_message(answer);
            ASSERT_TRUE(message && *message);
            EXPECT_TRUE(std::holds_alternative<MetadataReject>(**message));
        }
    }
}

TEST(PeerSession, OnlyWhoHandsItOutSaysHowLargeTheInfoDictionaryIs) {
    for (const bool hand_out : {true, false}) {
        Pair p;
        PeerSession::Config config = p.config(Direction::incoming, p.everything, 'b');
        if (hand_out) config.metadata = std::make_shared<const Bytes>(40'000);
        PeerSession them(config, p.their_places, p.now);
        them.handle_bytes(Pair::output(p.us, p.now), p.now);
        p.us.handle_bytes(Pair::output(them, p.now), p.now);
        EXPECT_EQ(p.us.extended().metadata_size.has_value(), hand_out);
        EXPECT_EQ(p.us.extended().metadata_id != 0, hand_out);
    }
}

TEST(PeerSession, AFloodOfRequestsForMetadataIsBounded) {
    MetadataPair p;
    for (int i = 0; i < 10'000; ++i) p.ask(0);
    EXPECT_LE(Pair::output(p.theirs, p.now).size(),
              2 * MetadataServer::kMaxBacklog + kMetadataPieceSize + 100);
}

/// Pair of a newcomer that knows only the info-hash and a seed that serves the info dictionary.
struct NameOnly : Pair {
    std::shared_ptr<const Bytes> info = std::make_shared<const Bytes>(20'000, std::byte{7});
    PeerSession newcomer, seed;
    NameOnly() : newcomer(our_config(), our_places, now), seed(seed_config(), their_places, now) { talk(); }
    PeerSession::Config our_config() {
        PeerSession::Config c = config(Direction::outgoing, nothing, 'n');
        c.layout = nullptr;
        return c;
    }
    PeerSession::Config seed_config() {
        PeerSession::Config c = config(Direction::incoming, everything, 's');
        c.metadata = info;
        return c;
    }
    void talk() {
        while (newcomer.has_output() || seed.has_output()) {
            seed.handle_bytes(output(newcomer, now), now);
            newcomer.handle_bytes(output(seed, now), now);
        }
    }
};

TEST(PeerSession, WhoKnowsOnlyTheNameGetsTheInfoDictionary) {
    NameOnly p;
    ASSERT_TRUE(p.newcomer.greeted());
    EXPECT_EQ(p.newcomer.extended().metadata_size, 20'000u);
    p.newcomer.request_metadata(1);
    p.newcomer.request_metadata(2);
    p.talk();
    const auto arrived = Pair::next<MetadataArrived>(p.newcomer);
    ASSERT_TRUE(arrived);
    EXPECT_EQ(arrived->piece, 1u);
    EXPECT_EQ(arrived->total_size, 20'000u);
    EXPECT_EQ(arrived->data.size(), 20'000u - kMetadataPieceSize);
    EXPECT_TRUE(Pair::next<MetadataRefused>(p.newcomer)) << "there is no third piece";
}

TEST(PeerSession, WhatAPeerHadSaidOfItsPiecesCountsOnceTheyAreKnown) {
    NameOnly p;
    EXPECT_FALSE(p.newcomer.pieces_known());
    p.seed.set_choking(false);
    p.talk();
    EXPECT_FALSE(p.newcomer.peer_choking());
    p.newcomer.know_content(p.layout, nullptr, p.now);
    EXPECT_TRUE(Pair::next<PiecesKnown>(p.newcomer));
    EXPECT_TRUE(p.newcomer.is_seed());
    p.newcomer.request(kBlock, p.now);
    p.talk();
    EXPECT_TRUE(Pair::next<BlockWanted>(p.seed));
}

TEST(PeerSession, ThatTheInfoDictionaryCanNowBeHadIsSaid) {
    NameOnly p;
    EXPECT_FALSE(p.seed.extended().metadata_size);
    EXPECT_NE(p.seed.extended().metadata_id, 0);
    p.newcomer.know_content(p.layout, p.info, p.now);
    p.talk();
    EXPECT_EQ(p.seed.extended().metadata_size, 20'000u);
    p.seed.request_metadata(1);
    p.talk();
    EXPECT_TRUE(Pair::next<MetadataArrived>(p.seed));
}

TEST(PeerSession, NonsenseAboutPiecesIsFoundOutOnceTheyAreKnown) {
    NameOnly p;
    Bytes have;
    append_message(have, Have{PieceIndex(kPieces)});
    p.newcomer.handle_bytes(have, p.now);
    EXPECT_FALSE(Pair::next<Failed>(p.newcomer));
    p.newcomer.know_content(p.layout, nullptr, p.now);
    EXPECT_TRUE(Pair::next<Failed>(p.newcomer));
}

TEST(PeerSession, WhatIsSaidOfUnknownPiecesIsBounded) {
    NameOnly p;
    Bytes haves;
    for (std::uint32_t i = 0; i < 100'000; ++i) append_message(haves, Have{PieceIndex(i)});
    p.newcomer.handle_bytes(haves, p.now);
    const auto failed = Pair::next<Failed>(p.newcomer);
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->reason, make_error_code(Errc::message_flood));
}

// ---- peer exchange (BEP 11) ----

struct PexPair : Pair {
    explicit PexPair(bool ours, bool theirs) {
        auto config_a = config(Direction::outgoing, nothing, 'a');
        auto config_b = config(Direction::incoming, everything, 'b');
        config_a.pex = ours;
        config_b.pex = theirs;
        a.emplace(config_a, our_places, now);
        b.emplace(config_b, their_places, now);
        carry();
    }
    void carry() {
        while (a->has_output() || b->has_output()) {
            b->handle_bytes(output(*a, now), now);
            a->handle_bytes(output(*b, now), now);
        }
    }
    bool arrives() {
        PexMessage message;
        message.dropped = {*Endpoint::parse("192.0.2.9:9")};
        a->send_pex(message);
        carry();
        const auto arrived = next<PexArrived>(*b);
        return arrived && arrived->message == message;
    }
    std::optional<PeerSession> a, b;
};

TEST(PeerSession, PeersAreToldOfWhereBothSidesSpeakOfThem) {
    PexPair both(true, true);
    EXPECT_EQ(both.a->extended().pex_id, kPexId);
    EXPECT_TRUE(both.arrives());
    PexPair one(true, false);
    EXPECT_EQ(one.a->extended().pex_id, 0);
    EXPECT_FALSE(one.arrives());
    PexPair other(false, true);
    EXPECT_EQ(other.b->extended().pex_id, 0);
    EXPECT_FALSE(other.arrives());
}

TEST(PeerSession, NothingIsHeardOrToldOfPeersAfterTheEndOfThat) {
    PexPair told(true, true);
    told.b->end_pex();
    EXPECT_FALSE(told.arrives());
    PexPair teller(true, true);
    teller.a->end_pex();
    EXPECT_FALSE(teller.arrives());
}

// ---- holepunch (BEP 55) ----

struct HolepunchPair : PexPair {
    HolepunchPair(bool ours, bool theirs) : PexPair(false, false) {
        auto config_a = config(Direction::outgoing, nothing, 'a');
        auto config_b = config(Direction::incoming, everything, 'b');
        config_a.holepunch = ours;
        config_b.holepunch = theirs;
        a.emplace(config_a, our_places, now);
        b.emplace(config_b, their_places, now);
        carry();
    }
    bool holepunch_arrives() {
        const HolepunchMessage message{HolepunchMessage::Type::connect, *Endpoint::parse("192.0.2.9:9999")};
        a->send_holepunch(message);
        carry();
        const auto arrived = next<HolepunchArrived>(*b);
        return arrived && arrived->message == message;
    }
    /// The same with an id that was not offered.
    void send_unasked(ByteView payload) {
        Bytes raw;
        append_message(raw, Extended{kHolepunchId, payload});
        b->handle_bytes(raw, now);
    }
};

TEST(PeerSession, HolepunchMessagesPassWhereBothSidesSpeakOfThem) {
    HolepunchPair both(true, true);
    EXPECT_TRUE(both.a->understands_holepunch());
    EXPECT_TRUE(both.holepunch_arrives());
    both.b->end_holepunch();
    EXPECT_FALSE(both.holepunch_arrives());
    for (const bool ours : {true, false}) {
        HolepunchPair one(ours, !ours);
        EXPECT_FALSE(one.a->understands_holepunch());
        EXPECT_FALSE(one.holepunch_arrives());
        const Bytes payload = HolepunchMessage{}.encode();
        one.send_unasked(payload);  // BEP 55: ignored silently
        EXPECT_FALSE(PexPair::next<HolepunchArrived>(*one.b));
        EXPECT_FALSE(one.b->has_output());
    }
}

TEST(PeerSession, AMalformedHolepunchMessageClosesTheConnection) {
    HolepunchPair both(true, true);
    both.send_unasked(as_bytes("ab"));
    EXPECT_FALSE(PexPair::next<Failed>(*both.b)) << "an unknown type";
    both.send_unasked(ByteView(Bytes(3)));
    const auto failed = PexPair::next<Failed>(*both.b);
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->reason, make_error_code(Errc::message_malformed));
}

TEST(PeerSession, AChokeRejectsWhatWasAsked) {
    Pair p;
    p.exchange();
    p.them.set_choking(false);
    p.exchange();
    p.us.request(kBlock, p.now);
    p.exchange();
    p.them.set_choking(true);
    p.exchange();
    const auto refused = Pair::next<BlockRefused>(p.us);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->block, kBlock);
    EXPECT_TRUE(p.us.peer_choking());
}

TEST(PeerSession, AChokeRejectsBlocksThatWaitToBeSent) {
    Pair p;
    p.exchange();
    p.them.set_choking(false);
    p.exchange();
    const BlockRef other{PieceIndex(2), 0, 16384};
    p.us.request(other, p.now);
    p.us.request(kBlock, p.now);
    p.exchange();
    const std::vector<std::byte> content(kBlock.size);
    p.them.send_block(other, {content, nullptr});
    p.them.send_block(kBlock, {content, nullptr});
    p.them.set_choking(true);
    p.exchange();
    // Each request has one answer: a reject, or the block if its piece is in the allowed-fast set.
    EXPECT_EQ(p.us.requests().size(), 0u);
}

TEST(PeerSession, AllowedFastPiecesMayBeRequestedWhileChoked) {
    Pair p;
    p.exchange();
    std::uint32_t allowed = 0;
    PieceIndex one;
    for (std::uint32_t i = 0; i < kPieces; ++i)
        if (p.us.may_request(PieceIndex(i))) {
            ++allowed;
            one = PieceIndex(i);
        }
    EXPECT_EQ(allowed, 10u);
    p.us.request({one, 0, 16384}, p.now);
    p.exchange();
    EXPECT_TRUE(Pair::next<BlockWanted>(p.them));
}

TEST(PeerSession, GrantsNoPieceToAChokedPeerUnlessToldSo) {
    Pair p;
    PeerSession::Config config = p.config(Direction::incoming, p.everything, 'c');
    config.allowed_fast = false;
    PeerSession them(config, p.their_places, p.now);
    for (bool told : {true, false}) {
        PeerSession us(p.config(Direction::outgoing, p.nothing, 'd'), p.our_places, p.now);
        PeerSession& other = told ? p.them : them;
        while (us.has_output() || other.has_output()) {
            other.handle_bytes(Pair::output(us, p.now), p.now);
            us.handle_bytes(Pair::output(other, p.now), p.now);
        }
        EXPECT_TRUE(us.greeted());
        EXPECT_EQ(us.allowed_fast().empty(), !told);
    }
}

TEST(PeerSession, TakesNoMoreAllowedFastPiecesThanItsBound) {
    const Layout large(kBlockSize, {{0, 1000 * std::uint64_t{kBlockSize}, false}});
    const Bitfield none(1000);
    Pair p;
    auto config = p.config(Direction::outgoing, none, 'c');
    config.layout = &large;
    PeerSession session(config, p.our_places, p.now);
    Handshake theirs;
    theirs.capabilities = {.fast = true, .extended = true};
    theirs.info_hash = p.identity.wire_hash();
    session.handle_bytes(theirs.encode(), p.now);
    for (std::uint32_t i = 0; i < 300; ++i) session.handle_bytes(message(AllowedFast{PieceIndex(i)}), p.now);
    EXPECT_EQ(session.allowed_fast().size(), 256u);
    EXPECT_FALSE(session.may_request(PieceIndex(299)));
}

TEST(PeerSession, ThePeersReqqIsTakenWithinBounds) {
    for (const auto& [said, taken] :
         {std::pair<std::uint32_t, std::uint32_t>{0, 1}, {77, 77}, {1'000'000, 4096}}) {
        Pair p;
        p.exchange();
        ExtendedHandshake extended;
        extended.reqq = said;
        const Bytes payload = extended.encode();
        p.us.handle_bytes(message(Extended{kExtendedHandshakeId, payload}), p.now);
        EXPECT_EQ(p.us.reqq(), taken);
    }
}

// A choked peer can do this, too, with its allowed-fast pieces.
TEST(PeerSession, RejectsThatWaitToBeSentAreCounted) {
    Pair p;
    p.exchange();
    p.them.set_choking(false);
    p.exchange();
    const std::size_t reject = message(RejectRequest{kBlock}).size();
    for (std::size_t i = 1; i <= 500; ++i) {
        p.them.handle_bytes(message(Request{kBlock}), p.now);
        p.them.handle_bytes(message(Cancel{kBlock}), p.now);
        EXPECT_EQ(p.them.control_backlog(), i * reject);
    }
    EXPECT_EQ(p.them.upload_backlog(), 0u);
    EXPECT_EQ(Pair::output(p.them, p.now).size(), 500 * reject);
    EXPECT_EQ(p.them.control_backlog(), 0u);
}

TEST(PeerSession, ALostPieceIsUnlearned) {
    Pair p;
    p.exchange();
    p.them.announce_lost(PieceIndex(4));
    p.exchange();
    EXPECT_FALSE(p.us.is_seed());
    EXPECT_FALSE(p.us.has(PieceIndex(4)));
    EXPECT_TRUE(p.us.has(PieceIndex(5)));
}

TEST(PeerSession, ASilentPeerTimesOutInTheHandshake) {
    Pair p;
    p.now = p.us.next_timeout();
    p.us.handle_timeout(p.now);
    EXPECT_EQ(Pair::next<Failed>(p.us)->reason, Errc::peer_timed_out);
}

TEST(PeerSession, AHandshakeThatTricklesInTimesOutAllTheSame) {
    Pair p;
    Handshake theirs;
    theirs.info_hash = p.identity.wire_hash();
    const auto raw = theirs.encode();
    const TimePoint begin = p.now;
    for (std::size_t i = 0; i < raw.size() && p.now < begin + 30s; ++i) {
        p.us.handle_bytes(ByteView(raw).subspan(i, 1), p.now);
        p.now += 1s;
        p.us.handle_timeout(p.now);
    }
    EXPECT_EQ(Pair::next<Failed>(p.us)->reason, Errc::peer_timed_out);
    EXPECT_LE(p.now, begin + 30s);
}

TEST(PeerSession, AMessageThatIsNeverFinishedTimesOut) {
    Pair p;
    p.exchange();
    Bytes slow;
    append_message(slow, BitfieldMessage{p.everything.bytes()});
    slow.resize(4 + 100);
    store_big_endian(slow.data(), std::uint32_t{100});  // 96 bytes more than arrive in time
    const TimePoint begin = p.now;
    std::size_t sent = 0;
    std::optional<Failed> failed;
    while (!failed && p.now < begin + 10min) {
        p.us.handle_bytes(ByteView(slow).subspan(sent++ % 8, 1), p.now);
        p.now += 20s;
        p.us.handle_timeout(p.now);
        failed = Pair::next<Failed>(p.us);
    }
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->reason, Errc::peer_timed_out);
    EXPECT_LE(p.now, begin + 140s);
}

TEST(PeerSession, ABlockThatIsNeverFinishedTimesOut) {
    Pair p;
    p.exchange();
    p.them.set_choking(false);
    p.exchange();
    p.us.request(kBlock, p.now);
    Bytes block(kPieceHeaderSize + 100);
    write_piece_header(std::span<std::byte, kPieceHeaderSize>(block.data(), kPieceHeaderSize), kBlock);
    const TimePoint begin = p.now;
    std::optional<Failed> failed;
    for (std::size_t i = 0; i < block.size() && !failed; ++i) {
        p.us.handle_bytes(ByteView(block).subspan(i, 1), p.now);
        p.now += 10s;
        p.us.handle_timeout(p.now);
        failed = Pair::next<Failed>(p.us);
    }
    ASSERT_TRUE(failed);
    EXPECT_LE(p.now, begin + 140s);
}

TEST(PeerSession, AnIdlePeerThatIsAliveStays) {
    Pair p;
    p.exchange();
    const Bytes keep_alive(4);
    for (int i = 0; i < 100; ++i) {
        p.us.handle_bytes(keep_alive, p.now);
        p.now += 119s;
        p.us.handle_timeout(p.now);
    }
    EXPECT_FALSE(Pair::next<Failed>(p.us));
}

TEST(PeerSession, KeepAlivesAreSentAndASilentPeerIsLeft) {
    Pair p;
    p.exchange();
    p.now = p.us.next_timeout();
    p.us.handle_timeout(p.now);
    EXPECT_EQ(Pair::output(p.us, p.now).size(), 4u);
    p.now = p.us.next_timeout();
    p.us.handle_timeout(p.now);
    EXPECT_TRUE(Pair::next<Failed>(p.us));
}

/// Bytes that a peer must not send after a valid handshake with the fast extension.
struct Offence {
    const char* name;
    Bytes bytes;
    Errc expected;
};

TEST(PeerSession, BreakingTheProtocolEndsTheConnection) {
    const Bytes spare{std::byte{0}, std::byte{0}, std::byte{1}};
    const Bytes too_long(4);
    Bytes unasked(kPieceHeaderSize + 16384);
    write_piece_header(std::span<std::byte, kPieceHeaderSize>(unasked.data(), kPieceHeaderSize), kBlock);
    const Offence offences[] = {
        {"a bitfield too long", message(BitfieldMessage{too_long}), Errc::bitfield_malformed},
        {"a piece out of range", message(Have{PieceIndex(kPieces)}), Errc::index_out_of_range},
        {"a request out of range", message(Request{{PieceIndex(0), kPieceLength, 1}}),
         Errc::index_out_of_range},
        {"a request of nothing", message(Request{{PieceIndex(0), 0, 0}}), Errc::message_malformed},
        {"a request too long", message(Request{{PieceIndex(0), 0, 32768}}), Errc::message_malformed},
        {"a block unasked", unasked, Errc::unwanted_data},
        {"extended garbage", message(Extended{0, spare}), Errc::bencode_syntax},
    };
    for (const Offence& offence : offences) {
        Pair p(false);
        Handshake theirs;
        theirs.capabilities = {.fast = true, .extended = true};
        theirs.info_hash = p.identity.wire_hash();
        p.us.handle_bytes(theirs.encode(), p.now);
        p.us.handle_bytes(offence.bytes, p.now);
        const auto failed = Pair::next<Failed>(p.us);
        ASSERT_TRUE(failed) << offence.name;
        EXPECT_EQ(failed->reason, offence.expected) << offence.name << ": " << failed->reason.message();
    }
}

TEST(PeerSession, FastMessagesOfAPeerWithoutFastEndTheConnection) {
    Pair p;
    Handshake theirs;
    theirs.info_hash = p.identity.wire_hash();
    p.us.handle_bytes(theirs.encode(), p.now);
    p.us.handle_bytes(message(HaveAll{}), p.now);
    EXPECT_EQ(Pair::next<Failed>(p.us)->reason, Errc::message_not_negotiated);
}

TEST(PeerSession, ALaterBitfieldStandsForManyHaves) {
    Pair p(false);
    Handshake theirs;
    theirs.capabilities = {.fast = true, .extended = true};
    theirs.info_hash = p.identity.wire_hash();
    p.us.handle_bytes(theirs.encode(), p.now);
    p.us.handle_bytes(message(Have{PieceIndex(1)}), p.now);
    Bitfield two(kPieces);
    two.set(PieceIndex(1));
    two.set(PieceIndex(3));
    p.us.handle_bytes(message(BitfieldMessage{two.bytes()}), p.now);
    EXPECT_EQ(Pair::next<PieceGained>(p.us)->piece, PieceIndex(1));
    EXPECT_EQ(Pair::next<PieceGained>(p.us)->piece, PieceIndex(3));
    EXPECT_FALSE(Pair::next<PieceGained>(p.us));
    p.us.handle_bytes(message(HaveAll{}), p.now);
    EXPECT_TRUE(p.us.is_seed());
    EXPECT_FALSE(Pair::next<Failed>(p.us));
}

TEST(PeerSession, APeerWithoutFastGetsNoFastMessageAndNoEmptyBitfield) {
    Pair p;
    Pair::output(p.us, p.now);
    Handshake theirs;
    theirs.info_hash = p.identity.wire_hash();
    p.us.handle_bytes(theirs.encode(), p.now);
    EXPECT_EQ(Pair::output(p.us, p.now), message(Interested{}));
}

TEST(PeerSession, AFloodOfRequestsEndsTheConnection) {
    Pair p;
    p.exchange();
    Bytes flood;
    for (std::uint32_t i = 0; i < 6000; ++i)
        append_message(flood, Request{{PieceIndex(i % kPieces), (i % 1000) * 16, 16}});
    p.them.handle_bytes(flood, p.now);
    EXPECT_EQ(Pair::next<Failed>(p.them)->reason, Errc::message_flood);
}

/// Checks the answer to an incoming peer of a hybrid torrent.
TEST(PeerSession, AHybridAnswersByTheHashThatWasAskedFor) {
    for (const bool by_v2 : {false, true}) {
        Pair p;
        p.identity.v2 = sha256(as_bytes("t"));
        const Sha1Digest truncated = Sha1Digest::from(p.identity.v2->view().first(20));
        Handshake theirs;
        theirs.info_hash = by_v2 ? truncated : *p.identity.v1;
        const auto raw = theirs.encode();
        EXPECT_FALSE(p.them.has_output()) << "it does not know yet by which hash it is asked";
        p.them.handle_bytes(ByteView(raw).first(48), p.now);  // as much as a Listener hands over
        const Bytes answer = Pair::output(p.them, p.now);
        ASSERT_EQ(answer.size(), Handshake::kSize) << "it waits for no peer id";
        EXPECT_EQ(Handshake::parse(answer)->info_hash, theirs.info_hash);
        p.them.handle_bytes(ByteView(raw).subspan(48), p.now);
        EXPECT_TRUE(p.them.greeted());
        EXPECT_NE(Pair::output(p.them, p.now).front(), std::byte{0x13}) << "nor is it answered twice";

        Pair q;
        q.identity.v2 = p.identity.v2;
        q.them.handle_bytes(raw, q.now);
        EXPECT_EQ(Handshake::parse(ByteView(Pair::output(q.them, q.now)).first(Handshake::kSize))->info_hash,
                  theirs.info_hash);
    }
}

TEST(PeerSession, OurselvesAndOtherTorrentsAreRefused) {
    Pair p;
    Handshake ours;
    ours.info_hash = p.identity.wire_hash();
    ours.peer_id[0] = std::byte{'a'};
    p.us.handle_bytes(ours.encode(), p.now);
    EXPECT_EQ(Pair::next<Failed>(p.us)->reason, Errc::connected_to_self);

    Pair q;
    Handshake other;
    other.info_hash = sha1(as_bytes("another"));
    q.us.handle_bytes(other.encode(), q.now);
    EXPECT_EQ(Pair::next<Failed>(q.us)->reason, Errc::handshake_wrong_torrent);
}

}  // namespace
}  // namespace btfs::wire
