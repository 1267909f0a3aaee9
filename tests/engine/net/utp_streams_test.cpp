#include "engine/net/utp_streams.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

namespace btfs::net {
namespace {

std::byte byte_at(std::uint64_t i) {
    return static_cast<std::byte>(i * 31 + (i >> 8) * 7);
}

/// Writes a stream of known bytes.
struct Writer {
    explicit Writer(std::unique_ptr<Stream> s, std::uint64_t bytes, bool checked = true)
        : stream(std::move(s)), left(bytes), checks(checked) {
        more();
    }
    void more() {
        while (left > 0) {
            const std::size_t size = std::min<std::uint64_t>(buffer.size(), left);
            if (checks)
                for (std::size_t i = 0; i < size; ++i) buffer[i] = byte_at(sent + i);
            const iovec from[1] = {{buffer.data(), size}};
            const auto n = stream->write(from);
            if (!n) return void(error = n.error());
            if (*n == 0) {
                stream->wait_writable([this](Error) { more(); });
                return;
            }
            sent += *n;
            left -= *n;
        }
        stream.reset();
    }
    std::unique_ptr<Stream> stream;
    std::uint64_t left, sent = 0;
    const bool checks;
    Error error;
    Bytes buffer = Bytes(256 * 1024);
};

struct Reader {
    explicit Reader(std::unique_ptr<Stream> s, bool checked = true) : stream(std::move(s)), checks(checked) {
        more();
    }
    void more() {
        for (;;) {
            const iovec into[1] = {{buffer.data(), buffer.size()}};
            const auto n = stream->read(into);
            if (!n) return void(error = n.error());
            if (*n == 0) break;
            if (checks)
                for (std::size_t i = 0; i < *n; ++i) wrong |= buffer[i] != byte_at(received + i);
            received += *n;
        }
        stream->wait_readable([this](Error) { more(); });
    }
    std::unique_ptr<Stream> stream;
    const bool checks;
    std::uint64_t received = 0;
    bool wrong = false;
    Error error;
    Bytes buffer = Bytes(256 * 1024);
};

struct UtpStreamsTest : ::testing::Test {
    boost::asio::io_context io;
    SocketFactory sockets{io};
    UdpMux near_udp{sockets}, far_udp{sockets};
    UtpStreams near{sockets, near_udp}, far{sockets, far_udp};
    Endpoint far_endpoint;
    std::unique_ptr<Stream> dialled, accepted;
    Error dial_error;
    std::unique_ptr<StreamDial> dial;

    void SetUp() override {
        near_udp.open(0);
        far_udp.open(0);
        far_endpoint = {*Address::parse("127.0.0.1"), far_udp.port()};
        far.accept([this](std::unique_ptr<Stream> stream) { accepted = std::move(stream); });
    }
    void run_until(const std::function<bool()>& done, Duration most = 20s) {
        const TimePoint end = Clock::now() + most;
        while (!done() && Clock::now() < end) io.run_one_for(100ms);
    }
    void start_dial(const Endpoint& to) {
        dial = near.dial(to, [this](Result<StreamDial::Dialled> result) {
            if (result)
                dialled = std::move(result->stream);
            else
                dial_error = result.error();
            dial.reset();
        });
        run_until([&] { return dialled || dial_error; });
    }
};

TEST_F(UtpStreamsTest, CarriesAStreamToItsEnd) {
    start_dial(far_endpoint);
    ASSERT_TRUE(dialled);
    EXPECT_EQ(dialled->remote(), far_endpoint);
    EXPECT_EQ(dialled->local(), far_endpoint.address);
    EXPECT_TRUE(dialled->round_trip());
    Writer writer(std::move(dialled), 20'000'000);
    run_until([&] { return accepted != nullptr; });
    ASSERT_TRUE(accepted);
    Reader reader(std::move(accepted));
    run_until([&] { return bool(reader.error); });
    EXPECT_EQ(reader.received, 20'000'000u);
    EXPECT_FALSE(reader.wrong);
    EXPECT_EQ(reader.error, Errc::connection_closed);
}

// The kernel would answer from 127.0.0.1, which the peer has not dialled.
TEST_F(UtpStreamsTest, CarriesAStreamToAnyAddressOfAMachine) {
    far_endpoint.address = *Address::parse("127.0.0.5");
    start_dial(far_endpoint);
    ASSERT_TRUE(dialled);
    Writer writer(std::move(dialled), 5'000'000);
    run_until([&] { return accepted != nullptr; });
    ASSERT_TRUE(accepted);
    EXPECT_EQ(accepted->local(), far_endpoint.address);
    Reader reader(std::move(accepted));
    run_until([&] { return bool(reader.error); });
    EXPECT_EQ(reader.received, 5'000'000u);
    EXPECT_FALSE(reader.wrong);
}

TEST_F(UtpStreamsTest, IsRefusedWhereNobodyAccepts) {
    far.accept(nullptr);
    far_udp.receive_utp(nullptr);
    const TimePoint began = Clock::now();
    start_dial(far_endpoint);
    EXPECT_EQ(dial_error, boost::system::errc::connection_refused);
    EXPECT_LT(Clock::now() - began, 500ms);
}

TEST_F(UtpStreamsTest, FailsAtOnceWhereNothingListens) {
    const Endpoint gone = [&] {
        auto socket = sockets.udp(AddressFamily::v4, 0);
        return Endpoint{far_endpoint.address, socket->local_endpoint().port()};
    }();
    const TimePoint began = Clock::now();
    start_dial(gone);
    EXPECT_EQ(dial_error, boost::system::errc::connection_refused);
    EXPECT_LT(Clock::now() - began, 500ms);
}

TEST_F(UtpStreamsTest, ADialMayBeGivenUp) {
    start_dial(far_endpoint);
    dialled.reset();
    auto other = near.dial(far_endpoint, [](Result<StreamDial::Dialled>) { FAIL(); });
    other.reset();
    io.run_for(50ms);
    EXPECT_FALSE(accepted);
}

TEST_F(UtpStreamsTest, StreamsMayBeDestroyedByThoseTheyCall) {
    start_dial(far_endpoint);
    ASSERT_TRUE(dialled);
    const std::string hello = "hello";
    const iovec from[1] = {{const_cast<char*>(hello.data()), hello.size()}};
    ASSERT_TRUE(dialled->write(from));
    run_until([&] { return accepted != nullptr; });
    bool heard = false;
    accepted->wait_readable([&](Error) {
        heard = true;
        accepted.reset();
    });
    run_until([&] { return heard; });
    dialled->wait_readable([&](Error) { dialled.reset(); });
    run_until([&] { return !dialled; });
    EXPECT_FALSE(dialled);
    run_until([&] { return near.connections().size() + far.connections().size() == 0; });
    EXPECT_EQ(near.connections().size() + far.connections().size(), 0u);
}

TEST_F(UtpStreamsTest, CopesWithLossInTheKernelsBuffers) {
    // Several senders at once overflow what one thread does not read in time.
    std::vector<std::unique_ptr<Reader>> readers;
    far.accept([&](std::unique_ptr<Stream> stream) {
        readers.push_back(std::make_unique<Reader>(std::move(stream)));
    });
    std::vector<std::unique_ptr<Writer>> writers;
    for (int i = 0; i < 8; ++i) {
        start_dial(far_endpoint);
        ASSERT_TRUE(dialled);
        writers.push_back(std::make_unique<Writer>(std::move(dialled), 3'000'000));
    }
    run_until([&] {
        return readers.size() == 8 && std::ranges::all_of(readers, [](auto& r) { return bool(r->error); });
    });
    ASSERT_EQ(readers.size(), 8u);
    for (auto& reader : readers) {
        EXPECT_EQ(reader->received, 3'000'000u);
        EXPECT_FALSE(reader->wrong);
    }
}

}  // namespace
}  // namespace btfs::net
