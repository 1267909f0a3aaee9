#include "engine/net/encrypted_stream.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/engine/net/support/scripted_stream.hpp"

namespace btfs::net {
namespace {

using mse::Rc4;

struct EncryptedStreamTest : ::testing::Test {
    test::Script script;
    std::optional<EncryptedStream> stream;
    Rc4 deciphers{as_bytes("ours")}, enciphers{as_bytes("theirs")};  ///< the peer's

    EncryptedStreamTest() {
        const mse::Ciphers ciphers{.incoming = Rc4(as_bytes("theirs")), .outgoing = Rc4(as_bytes("ours"))};
        stream.emplace(std::make_unique<test::ScriptedStream>(script), ciphers);
    }
    Result<std::size_t> write(std::string_view text) {
        const iovec from{const_cast<char*>(text.data()), text.size()};
        return stream->write({&from, 1});
    }
    /// Returns what the peer has got, deciphered.
    std::string got() {
        Bytes bytes = std::exchange(script.written, {});
        deciphers.apply(bytes);
        return std::string(as_text(bytes));
    }
    void peer_sends(std::string_view text) {
        const std::size_t at = script.incoming.size();
        ByteWriter(script.incoming).text(text);
        enciphers.apply(std::span(script.incoming).subspan(at));
    }
};

TEST_F(EncryptedStreamTest, DeciphersInTheCallersBuffersAndNoFurtherThanWasRead) {
    peer_sends("abcdefghij");
    std::array<char, 4> first{}, second{}, third{'x', 'y', 'z', 'w'};
    const std::array<iovec, 3> into{iovec{first.data(), 4}, iovec{second.data(), 4}, iovec{third.data(), 4}};
    EXPECT_EQ(*stream->read(into), 10u);
    EXPECT_EQ(std::string(first.data(), 4) + std::string(second.data(), 4) + std::string(third.data(), 4),
              "abcdefghijzw");
    peer_sends("kl");
    EXPECT_EQ(*stream->read(into), 2u);
    EXPECT_EQ(std::string(first.data(), 2), "kl");
    EXPECT_EQ(*stream->read(into), 0u);
}

TEST_F(EncryptedStreamTest, WritesSeveralBuffersEnciphered) {
    const std::string a = "one ", b = "two";
    const std::array<iovec, 2> from{iovec{const_cast<char*>(a.data()), a.size()},
                                    iovec{const_cast<char*>(b.data()), b.size()}};
    EXPECT_EQ(*stream->write(from), 7u);
    EXPECT_NE(as_text(script.written), "one two");
    EXPECT_EQ(got(), "one two");
}

TEST_F(EncryptedStreamTest, WhatWasEncipheredGoesOutThoughNobodyWritesAgain) {
    script.room = 3;
    EXPECT_EQ(*write("0123456789"), 10u) << "all of it is enciphered, and counts as written";
    EXPECT_EQ(got(), "012");
    EXPECT_EQ(*write("more"), 0u) << "there is no room until the first is out";
    script.room = 4;
    script.now_writable();
    EXPECT_EQ(got(), "3456");
    script.room = 100;
    script.now_writable();
    EXPECT_EQ(got(), "789");
    EXPECT_FALSE(script.writable) << "it waits for nothing any more";
    EXPECT_EQ(*write("more"), 4u);
    EXPECT_EQ(got(), "more");
}

TEST_F(EncryptedStreamTest, AWaitEndsWhenTheBufferIsEmpty) {
    script.room = 3;
    EXPECT_EQ(*write("0123456789"), 10u);
    int ended = 0;
    stream->wait_writable([&](Error error) {
        EXPECT_FALSE(error);
        ++ended;
    });
    script.room = 1;
    script.now_writable();
    EXPECT_EQ(ended, 0);
    script.room = 100;
    script.now_writable();
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(got(), "0123456789");
    stream->wait_writable([&](Error) { ++ended; });
    script.now_writable();
    EXPECT_EQ(ended, 2) << "with nothing left it ends as the inner one's";
}

TEST_F(EncryptedStreamTest, TakesNoMoreThanItsBufferAtATime) {
    const std::string large(3 * EncryptedStream::kBufferSize, 'x');
    EXPECT_EQ(*write(large), EncryptedStream::kBufferSize);
    script.room = 0;
    EXPECT_EQ(*write(large), EncryptedStream::kBufferSize);
    EXPECT_EQ(*write(large), 0u);
    script.room = SIZE_MAX;
    script.now_writable();
    EXPECT_EQ(got(), std::string(2 * EncryptedStream::kBufferSize, 'x'));
}

TEST_F(EncryptedStreamTest, AFailureIsToldToWritersAndWaits) {
    script.room = 0;
    EXPECT_EQ(*write("text"), 4u);
    Error told;
    stream->wait_writable([&](Error error) { told = error; });
    script.failure = Errc::connection_closed;
    script.now_writable();
    EXPECT_EQ(told, Errc::connection_closed);
    EXPECT_EQ(write("more").error(), Errc::connection_closed);
    std::array<char, 4> bytes;
    const iovec into{bytes.data(), bytes.size()};
    EXPECT_EQ(stream->read({&into, 1}).error(), Errc::connection_closed);
}

TEST_F(EncryptedStreamTest, AWaitThatEndsAfterItsDestructionDoesNothing) {
    script.room = 0;
    EXPECT_EQ(*write("text"), 4u);
    stream.reset();
    script.room = 100;
    script.now_writable();
    EXPECT_TRUE(script.written.empty());
}

}  // namespace
}  // namespace btfs::net
