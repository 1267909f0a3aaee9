#include "engine/mse/handshake.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "engine/core/rng.hpp"
#include "tests/engine/mse/support/raw_peer.hpp"

namespace btfs::mse {
namespace {

using test::RawPeer;

const Sha1Digest kHash = sha1(as_bytes("a torrent")), kOther = sha1(as_bytes("another one"));

Bytes bytes_of(std::string_view text) {
    return {as_bytes(text).begin(), as_bytes(text).end()};
}

std::string text_of(const Bytes& bytes) {
    return std::string(as_text(bytes));
}

FindTorrent knows(const Sha1Digest& info_hash) {
    return [info_hash](const Sha1Digest& name) {
        return name == obfuscated(info_hash) ? std::optional(info_hash) : std::nullopt;
    };
}

SecretSource seeded(std::uint64_t seed) {
    return [rng = std::make_shared<Rng>(seed)](std::span<std::byte> out) { rng->fill(out); };
}

/// Both sides in one room: what one sends reaches the other in pieces of at most `chunk` bytes.
struct Pair {
    Pair(const Initiator::Options& options, Methods accepted, std::size_t chunk_size = 4096,
         std::uint64_t seed = 1)
        : a(options, seeded(seed)), b(accepted, knows(kHash), seeded(seed + 1'000'000)), chunk(chunk_size) {}

    /// Gives the first error, or nothing if both agreed.
    Error run() {
        bool any = true;
        while (any && (!a_done || !b_done)) {
            any = false;
            ByteWriter(to_b).bytes(a.take_output());
            if (const Error error = pump(to_b, b, b_done, any)) return error;
            ByteWriter(to_a).bytes(b.take_output());
            if (b_done) ByteWriter(to_a).bytes(std::exchange(behind_b, {}));
            if (const Error error = pump(to_a, a, a_done, any)) return error;
        }
        return a_done && b_done ? Error{} : Error(Errc::timed_out);
    }
    Error pump(Bytes& queue, Side& side, bool& done, bool& any) {
        while (!queue.empty() && !done) {
            any = true;
            const std::size_t n = std::min(queue.size(), chunk);
            const auto progress = side.handle_bytes(ByteView(queue).first(n));
            queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(n));
            if (!progress) return progress.error();
            done = *progress == Progress::done;
        }
        return {};
    }

    Initiator a;
    Responder b;
    std::size_t chunk;
    Bytes to_a, to_b;
    Bytes behind_b;  ///< sent right behind the end of b's handshake
    bool a_done = false, b_done = false;
};

TEST(MseHandshake, BothSidesAgreeHoweverTheBytesAreCut) {
    for (const std::size_t chunk : {1u, 7u, 96u, 4096u})
        for (std::uint64_t seed = 1; seed <= 20; ++seed) {
            Pair pair({kHash, kPlaintext | kRc4, bytes_of("hello")}, kPlaintext | kRc4, chunk, seed);
            ASSERT_EQ(pair.run(), Error{}) << chunk << ", seed " << seed;
            Agreement a = pair.a.take_agreement(), b = pair.b.take_agreement();
            EXPECT_EQ(b.info_hash, kHash);
            EXPECT_EQ(text_of(b.received), "hello");
            EXPECT_TRUE(a.received.empty());
            ASSERT_TRUE(a.ciphers && b.ciphers);
            for (const auto& [from, to] : {std::pair(&a, &b), std::pair(&b, &a)}) {
                Bytes text = bytes_of("what follows");
                from->ciphers->outgoing.apply(text);
                EXPECT_NE(text_of(text), "what follows");
                to->ciphers->incoming.apply(text);
                EXPECT_EQ(text_of(text), "what follows");
            }
        }
}

TEST(MseHandshake, OneMethodOfBothIsSelectedAndRc4First) {
    struct Case {
        Methods offered, accepted;
        bool agree, rc4;
    };
    for (const Case& c :
         {Case{kPlaintext | kRc4, kPlaintext | kRc4, true, true},
          Case{kPlaintext, kPlaintext | kRc4, true, false}, Case{kPlaintext | kRc4, kPlaintext, true, false},
          Case{kRc4, kRc4, true, true}, Case{kPlaintext, kRc4, false, false},
          Case{kRc4, kPlaintext, false, false}, Case{0x80000004u, kRc4, false, false}}) {
        Pair pair({kHash, c.offered, {}}, c.accepted);
        const Error error = pair.run();
        EXPECT_EQ(error, c.agree ? Error{} : Error(Errc::encryption_no_common_method)) << c.offered;
        if (error) continue;
        EXPECT_EQ(pair.a.take_agreement().ciphers.has_value(), c.rc4);
        EXPECT_EQ(pair.b.take_agreement().ciphers.has_value(), c.rc4);
    }
}

TEST(MseHandshake, BytesThatComeWithTheEndAreNotLost) {
    Pair plain({kHash, kPlaintext, {}}, kPlaintext);
    plain.behind_b = bytes_of("not enciphered");
    ASSERT_EQ(plain.run(), Error{});
    EXPECT_EQ(text_of(plain.a.take_agreement().received), "not enciphered");

    RawPeer peer;
    Initiator side({kHash, kRc4, {}});
    peer.learn(side.take_output(), kHash, false);
    const Bytes end = peer.enciphered(test::joined({RawPeer::offer(kRc4, 3), as_bytes("padenciphered")}));
    EXPECT_EQ(*side.handle_bytes(test::joined({peer.keys.public_key(), end})), Progress::done);
    EXPECT_EQ(text_of(side.take_agreement().received), "enciphered");
}

TEST(MseHandshake, ThePadsVaryInSizeAndContent) {
    std::set<std::size_t> sizes;
    for (int i = 0; i < 64; ++i) {
        const std::size_t size = Initiator({kHash, kRc4, {}}).take_output().size();
        EXPECT_GE(size, kKeySize);
        EXPECT_LE(size, kKeySize + kMaxPad);
        sizes.insert(size);
    }
    EXPECT_GT(sizes.size(), 8u);
}

// ---- peers that do something else ----

/// Gives the responder bytes in pieces; the first error, or nothing, or what it agreed on.
struct Answering {
    explicit Answering(const Sha1Digest& known = kHash, Methods accepted = kPlaintext | kRc4)
        : side(accepted, knows(known)) {
        EXPECT_EQ(*side.handle_bytes(peer.keys.public_key()), Progress::needs_more);
        sent = side.take_output();
        peer.learn(sent, kHash, true);
    }
    Error error_of(ByteView bytes) {
        const auto progress = side.handle_bytes(bytes);
        done = progress && *progress == Progress::done;
        return progress ? Error{} : progress.error();
    }
    Bytes up_to_torrent(std::size_t pad = 0) const {
        return test::joined({Bytes(pad), peer.synchronisation(), peer.named(kHash)});
    }
    RawPeer peer;
    Responder side;
    Bytes sent;
    bool done = false;
};

TEST(MseHandshake, APadOf512BytesIsTakenAndALongerOneEndsTheConnection) {
    for (const std::size_t pad : {0u, 1u, 511u, 512u}) {
        Answering s;
        EXPECT_EQ(s.error_of(s.up_to_torrent(pad)), Error{});
        EXPECT_EQ(s.error_of(s.peer.enciphered(test::joined({RawPeer::offer(kRc4, 0), Bytes(2)}))), Error{});
        EXPECT_TRUE(s.done) << pad;
    }
    Answering s;
    EXPECT_EQ(s.error_of(s.up_to_torrent(513)), Errc::encryption_malformed);
}

TEST(MseHandshake, AnEndlessPadEndsTheConnectionAsSoonAsItIsTooLong) {
    Answering s;
    std::size_t fed = 0;
    while (!s.error_of(Bytes(1))) ASSERT_LT(++fed, 2000u);
    EXPECT_EQ(fed + 1, kMaxPad + Sha1Digest::kSize);

    Initiator side({kHash, kRc4, {}});
    RawPeer peer;
    ASSERT_TRUE(side.handle_bytes(peer.keys.public_key()));
    fed = 0;
    while (side.handle_bytes(Bytes(1))) ASSERT_LT(++fed, 2000u);
    EXPECT_EQ(fed + 1, kMaxPad + 8);
}

TEST(MseHandshake, ATorrentThatIsNotHereIsRefused) {
    Answering s(kOther);
    EXPECT_EQ(s.error_of(s.up_to_torrent()), Errc::encryption_unknown_torrent);
    EXPECT_TRUE(s.side.take_output().empty()) << "what is here is not told to strangers";
}

TEST(MseHandshake, AWrongInfoHashGivesTheDiallingSideNoAgreement) {
    Initiator side({kHash, kRc4, {}});
    RawPeer peer;
    peer.learn(side.take_output(), kOther, false);  // the ciphers are those of another torrent
    ASSERT_TRUE(side.handle_bytes(peer.keys.public_key()));
    EXPECT_EQ(
        side.handle_bytes(peer.enciphered(test::joined({RawPeer::offer(kRc4, 512), Bytes(600)}))).error(),
        Errc::encryption_malformed);
}

TEST(MseHandshake, BadPublicKeysAreRefusedOnBothSides) {
    Bytes one(kKeySize);
    one.back() = std::byte{1};
    for (const Bytes& bad : {Bytes(kKeySize), one, Bytes(kKeySize, std::byte{0xff})}) {
        Responder responder(kRc4, knows(kHash));
        EXPECT_EQ(responder.handle_bytes(bad).error(), Errc::encryption_malformed);
        EXPECT_TRUE(responder.take_output().empty());
        Initiator initiator({kHash, kRc4, {}});
        initiator.take_output();
        EXPECT_EQ(initiator.handle_bytes(bad).error(), Errc::encryption_malformed);
        EXPECT_TRUE(initiator.take_output().empty()) << "the torrent is not named to it";
    }
}

TEST(MseHandshake, OffersThatAreMalformedAreRefused) {
    Answering verification, pad, payload;
    EXPECT_EQ(verification.error_of(verification.up_to_torrent()), Error{});
    EXPECT_EQ(verification.error_of(verification.peer.enciphered(RawPeer::offer(kRc4, 0, 1))),
              Errc::encryption_malformed);
    EXPECT_EQ(pad.error_of(pad.up_to_torrent()), Error{});
    EXPECT_EQ(pad.error_of(pad.peer.enciphered(RawPeer::offer(kRc4, kMaxPad + 1))),
              Errc::encryption_malformed);
    EXPECT_EQ(payload.error_of(payload.up_to_torrent()), Error{});
    Bytes offer = RawPeer::offer(kRc4, 0);
    ByteWriter(offer).u16(kMaxInitialPayload + 1);
    EXPECT_EQ(payload.error_of(payload.peer.enciphered(offer)), Errc::encryption_malformed);
}

TEST(MseHandshake, ASelectionThatWasNotOfferedIsRefused) {
    for (const std::uint32_t selected : {0u, 1u, 3u, 4u, 0x80000002u}) {
        Initiator side({kHash, kRc4, {}});
        RawPeer peer;
        peer.learn(side.take_output(), kHash, false);
        const auto progress = side.handle_bytes(
            test::joined({peer.keys.public_key(), peer.enciphered(RawPeer::offer(selected, 0))}));
        EXPECT_EQ(progress.error(), Errc::encryption_no_common_method) << selected;
    }
    Initiator side({kHash, kRc4, {}});
    RawPeer peer;
    peer.learn(side.take_output(), kHash, false);
    EXPECT_EQ(side.handle_bytes(test::joined({peer.keys.public_key(),
                                              peer.enciphered(RawPeer::offer(kRc4, kMaxPad + 1))}))
                  .error(),
              Errc::encryption_malformed);
}

TEST(MseHandshake, TheInfoHashIsNeverSentInClear) {
    Initiator side({kHash, kRc4, Bytes(kHash.bytes.begin(), kHash.bytes.end())});
    RawPeer peer;
    Bytes sent = side.take_output();
    ASSERT_TRUE(side.handle_bytes(peer.keys.public_key()));
    ByteWriter(sent).bytes(side.take_output());
    for (const Sha1Digest& secret : {kHash, obfuscated(kHash)})
        EXPECT_EQ(std::search(sent.begin(), sent.end(), secret.bytes.begin(), secret.bytes.end()), sent.end());
}

}  // namespace
}  // namespace btfs::mse
