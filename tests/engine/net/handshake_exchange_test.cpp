#include "engine/net/handshake_exchange.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/engine/net/support/scripted_stream.hpp"

namespace btfs::net {
namespace {

using mse::Progress;

/// A machine that says "hello", answers each byte with "ok ", and is done at a '!'; it does not like '?'.
struct HandshakeExchangeTest : ::testing::Test {
    test::Script script;
    test::ScriptedStream stream{script};
    Bytes output;
    std::vector<Error> ended;
    std::optional<HandshakeExchange> exchange;

    HandshakeExchangeTest() {
        ByteWriter(output).text("hello ");
        exchange.emplace(
            stream,
            HandshakeExchange::Machine{[this](ByteView bytes) { return on_bytes(as_text(bytes)); },
                                       [this] { return std::exchange(output, {}); }},
            [this](Error error) {
                ended.push_back(error);
                exchange.reset();
            });
    }
    Result<Progress> on_bytes(std::string_view text) {
        if (text.find('?') != text.npos) return Errc::encryption_malformed;
        for (std::size_t i = 0; i < text.size(); ++i) ByteWriter(output).text("ok ");
        return text.ends_with('!') ? Progress::done : Progress::needs_more;
    }
    void peer_sends(std::string_view text) {
        ByteWriter(script.incoming).text(text);
        script.now_readable();
    }
    std::string written() const { return std::string(as_text(script.written)); }
};

TEST_F(HandshakeExchangeTest, CarriesBytesBothWaysUntilTheMachineIsDone) {
    exchange->start();
    EXPECT_EQ(written(), "hello ");
    peer_sends("a");
    peer_sends("");
    EXPECT_TRUE(ended.empty());
    peer_sends("b!");
    EXPECT_EQ(written(), "hello ok ok ok ");
    EXPECT_EQ(ended, std::vector{Error{}});
    EXPECT_FALSE(script.readable) << "the bytes that come now are not the handshake's";
}

TEST_F(HandshakeExchangeTest, EndsWhenAllIsWritten) {
    script.room = 2;
    exchange->start();
    peer_sends("!");
    EXPECT_TRUE(ended.empty());
    script.room = 3;
    script.now_writable();
    EXPECT_TRUE(ended.empty());
    script.room = 100;
    script.now_writable();
    EXPECT_EQ(written(), "hello ok ");
    EXPECT_EQ(ended, std::vector{Error{}});
}

TEST_F(HandshakeExchangeTest, EndsWithTheMachinesError) {
    exchange->start();
    peer_sends("?");
    EXPECT_EQ(ended, std::vector{Error(Errc::encryption_malformed)});
    EXPECT_EQ(written(), "hello ");
}

TEST_F(HandshakeExchangeTest, EndsOnceWithTheStreamsError) {
    script.room = 0;
    exchange->start();
    script.failure = Errc::connection_closed;
    const Stream::Ready writable = script.writable;
    script.now_readable();
    EXPECT_EQ(ended, std::vector{Error(Errc::connection_closed)});
    writable({});
    EXPECT_EQ(ended.size(), 1u);
}

TEST_F(HandshakeExchangeTest, OfAPeerThatSendsWithoutEndNoMoreIsReadThanTheMachineTakes) {
    exchange->start();
    ByteWriter(script.incoming).text(std::string(HandshakeExchange::kReadSize - 1, 'a') + "!" + "content");
    script.now_readable();
    EXPECT_EQ(ended, std::vector{Error{}});
    EXPECT_EQ(as_text(script.incoming), "content");
}

}  // namespace
}  // namespace btfs::net
