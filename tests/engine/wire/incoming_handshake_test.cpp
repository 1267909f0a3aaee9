#include "engine/wire/incoming_handshake.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/wire/handshake.hpp"

namespace btfs::wire {
namespace {

using mse::Progress;

const Sha1Digest kHere = sha1(as_bytes("a torrent that is here"));

IncomingHandshake incoming(Encryption rule) {
    return IncomingHandshake(rule, [](const Sha1Digest& name) {
        return name == mse::obfuscated(kHere) ? std::optional(kHere) : std::nullopt;
    });
}

Bytes greeting(const Sha1Digest& info_hash = kHere) {
    Handshake hello;
    hello.info_hash = info_hash;
    const auto raw = hello.encode();
    return {raw.begin(), raw.end()};
}

TEST(IncomingHandshake, APlainOneIsKnownByItsInfoHash) {
    const Bytes hello = greeting();
    for (const std::size_t size : {48u, 60u, 68u}) {
        IncomingHandshake machine = incoming(Encryption::allow);
        EXPECT_EQ(*machine.handle_bytes(ByteView(hello).first(size)), Progress::done);
        EXPECT_TRUE(machine.take_output().empty());
        const auto outcome = machine.take_outcome();
        EXPECT_EQ(outcome.info_hash, kHere);
        EXPECT_FALSE(outcome.encrypted);
        EXPECT_FALSE(outcome.ciphers);
        EXPECT_TRUE(std::ranges::equal(outcome.received, ByteView(hello).first(size)));
    }
}

TEST(IncomingHandshake, APlainOneMayComeByteByByte) {
    const Bytes hello = greeting();
    IncomingHandshake machine = incoming(Encryption::allow);
    for (std::size_t i = 0; i < 47; ++i)
        ASSERT_EQ(*machine.handle_bytes(ByteView(hello).subspan(i, 1)), Progress::needs_more);
    EXPECT_EQ(*machine.handle_bytes(ByteView(hello).subspan(47, 1)), Progress::done);
    EXPECT_EQ(machine.take_outcome().received.size(), 48u);
}

/// Has a peer dial with encryption; Progress::done if both agreed.
Result<Progress> dial(IncomingHandshake& machine, mse::Initiator& peer, std::size_t chunk) {
    for (;;) {
        const Bytes to_us = peer.take_output();
        if (to_us.empty()) return Progress::needs_more;
        Progress ours = Progress::needs_more;
        for (std::size_t at = 0; at < to_us.size(); at += chunk) {
            const auto progress =
                machine.handle_bytes(ByteView(to_us).subspan(at, std::min(chunk, to_us.size() - at)));
            if (!progress) return progress;
            ours = *progress;
        }
        const auto theirs = peer.handle_bytes(machine.take_output());
        if (!theirs) return theirs;
        if (*theirs == Progress::done) return ours;
    }
}

TEST(IncomingHandshake, AnEncryptedOneIsKnownByTheTorrentThatItNames) {
    for (const mse::Methods offered : {mse::Methods{mse::kRc4}, mse::Methods{mse::kPlaintext}})
        for (const std::size_t chunk : {1u, 2000u}) {
            IncomingHandshake machine = incoming(Encryption::allow);
            mse::Initiator peer({kHere, offered, greeting()});
            ASSERT_EQ(*dial(machine, peer, chunk), Progress::done);
            const auto outcome = machine.take_outcome();
            EXPECT_EQ(outcome.info_hash, kHere);
            EXPECT_TRUE(outcome.encrypted);
            EXPECT_EQ(outcome.ciphers.has_value(), offered == mse::kRc4);
            EXPECT_EQ(outcome.received, greeting());
        }
}

TEST(IncomingHandshake, AKeyThatBeginsLikeAPlainHandshakeIsAKey) {
    // A peer draws keys until one begins with the byte 19, as one in 256 does.
    for (std::uint64_t seed = 0;; ++seed) {
        ASSERT_LT(seed, 20'000u);
        std::uint64_t drawn = seed;
        const auto secrets = [&drawn](std::span<std::byte> out) {
            for (std::byte& byte : out)
                byte = static_cast<std::byte>((drawn = drawn * 6364136223846793005u + 1) >> 56);
        };
        if (mse::KeyExchange(secrets).public_key().front() != std::byte{19}) continue;
        drawn = seed;
        mse::Initiator peer({kHere, mse::kRc4, greeting()}, secrets);
        IncomingHandshake machine = incoming(Encryption::allow);
        EXPECT_EQ(*dial(machine, peer, 1), Progress::done);
        return;
    }
}

TEST(IncomingHandshake, WhereEncryptionIsRequiredAPlainOneIsRefusedWithoutAnAnswer) {
    const Bytes hello = greeting();
    IncomingHandshake machine = incoming(Encryption::require);
    EXPECT_EQ(*machine.handle_bytes(ByteView(hello).first(19)), Progress::needs_more);
    EXPECT_EQ(machine.handle_bytes(ByteView(hello).subspan(19, 1)).error(), Errc::encryption_refused);
    EXPECT_TRUE(machine.take_output().empty());

    IncomingHandshake header_only = incoming(Encryption::require);
    mse::Initiator peer({kHere, mse::kPlaintext, greeting()});
    EXPECT_EQ(dial(header_only, peer, 2000).error(), Errc::encryption_no_common_method);
    IncomingHandshake rc4 = incoming(Encryption::require);
    mse::Initiator other({kHere, mse::kPlaintext | mse::kRc4, greeting()});
    EXPECT_EQ(*dial(rc4, other, 2000), Progress::done);
    EXPECT_TRUE(rc4.take_outcome().ciphers);
}

TEST(IncomingHandshake, WhereEncryptionIsOffAnEncryptedOneIsRefusedAtItsFirstBytes) {
    IncomingHandshake machine = incoming(Encryption::off);
    EXPECT_EQ(machine.handle_bytes(as_bytes("x")).error(), Errc::encryption_refused);
    EXPECT_TRUE(machine.take_output().empty());
    IncomingHandshake plain = incoming(Encryption::off);
    EXPECT_EQ(*plain.handle_bytes(greeting()), Progress::done);
}

TEST(IncomingHandshake, AnEncryptedOneOfATorrentThatIsNotHereIsRefused) {
    IncomingHandshake machine = incoming(Encryption::allow);
    mse::Initiator peer({sha1(as_bytes("elsewhere")), mse::kRc4, greeting()});
    EXPECT_EQ(dial(machine, peer, 2000).error(), Errc::encryption_unknown_torrent);
}

TEST(IncomingHandshake, WhatIsNeitherEndsAfterABoundedNumberOfBytes) {
    IncomingHandshake machine = incoming(Encryption::allow);
    const Bytes request(as_bytes("GET / HTTP/1.1\r\n").begin(), as_bytes("GET / HTTP/1.1\r\n").end());
    std::size_t fed = 0;
    while (machine.handle_bytes(request)) ASSERT_LT(fed += request.size(), 1000u);
}

}  // namespace
}  // namespace btfs::wire
