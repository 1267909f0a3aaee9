#include "engine/net/datagram_io.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <boost/asio/io_context.hpp>
#include <thread>

#include "engine/net/socket_factory.hpp"

namespace btfs::net {
namespace {

struct DatagramIoTest : ::testing::TestWithParam<AddressFamily> {
    boost::asio::io_context io;
    SocketFactory sockets{io};
    boost::asio::ip::udp::socket one = open(), other = open();
    DatagramReceiver receiver;

    boost::asio::ip::udp::socket open() {
        auto socket = sockets.udp(GetParam(), 0);
        prepare_datagram_socket(socket->native_handle(), GetParam());
        return std::move(*socket);
    }
    Endpoint at(const boost::asio::ip::udp::socket& socket) const {
        return {*Address::parse(GetParam() == AddressFamily::v4 ? "127.0.0.1" : "::1"),
                socket.local_endpoint().port()};
    }
    struct Heard {
        std::vector<std::string> datagrams;
        std::vector<TimePoint> arrived;
        std::size_t messages = 0;
        std::vector<Endpoint> unreachable;
    };
    /// Until so many are here, or half a second has passed.
    Heard hear(boost::asio::ip::udp::socket& socket, std::size_t count, const Endpoint& from) {
        Heard heard;
        for (const TimePoint end = Clock::now() + 500ms;
             Clock::now() < end && heard.datagrams.size() < count;) {
            pollfd ready{socket.native_handle(), POLLIN, 0};
            poll(&ready, 1, 100);
            const auto batch = receiver.receive(socket.native_handle());
            heard.messages += batch.messages;
            for (const auto& datagram : batch.datagrams) {
                EXPECT_EQ(datagram.from, from);
                heard.datagrams.emplace_back(as_text(datagram.bytes));
                heard.arrived.push_back(datagram.arrived_at);
            }
            heard.unreachable.insert(heard.unreachable.end(), batch.unreachable.begin(),
                                     batch.unreachable.end());
        }
        return heard;
    }
};

TEST_P(DatagramIoTest, ErrorsThatNoCallHasToldOfAreTakenToo) {
    const Endpoint nobody = at(other);
    other.close();
    const auto send = [&] {
        DatagramSender sender(one.native_handle(), GetParam());
        sender.add(nobody, as_bytes("x"), Cutting::allowed);
        sender.flush();
    };
    send();
    std::this_thread::sleep_for(50ms);
    send();  // which takes the error, but not what tells of it
    std::this_thread::sleep_for(50ms);
    for (int i = 0; i < 3; ++i) receiver.receive(one.native_handle());
    pollfd ready{one.native_handle(), POLLIN, 0};
    EXPECT_EQ(poll(&ready, 1, 0), 0) << "poll would wake for ever";
}

TEST_P(DatagramIoTest, RunsOfOneSizeLeaveTogetherAndArriveApart) {
    DatagramSender sender(one.native_handle(), GetParam());
    std::vector<std::string> texts;
    for (int i = 0; i < 150; ++i) texts.push_back(std::string(1200, static_cast<char>('a' + i % 26)));
    texts.push_back("short end of the run");
    texts.push_back("");
    texts.push_back(std::string(700, 'x'));
    texts.push_back(std::string(800, 'y'));
    for (const std::string& text : texts) sender.add(at(other), as_bytes(text), Cutting::allowed);
    sender.flush();
    EXPECT_TRUE(sender.has_room());
    const Heard heard = hear(other, texts.size(), at(one));
    EXPECT_EQ(heard.datagrams, texts);
    EXPECT_LT(heard.messages, 20u) << "the kernel gives several datagrams as one message";
}

TEST_P(DatagramIoTest, ReceiversGetTheirOwn) {
    DatagramSender sender(one.native_handle(), GetParam());
    auto third = open();
    for (int i = 0; i < 100; ++i)
        sender.add(at(i % 2 == 0 ? other : third), as_bytes("hello"), Cutting::allowed);
    sender.flush();
    EXPECT_EQ(hear(other, 50, at(one)).datagrams.size(), 50u);
    EXPECT_EQ(hear(third, 50, at(one)).datagrams.size(), 50u);
}

TEST_P(DatagramIoTest, ArrivalIsWhenTheKernelGotIt) {
    DatagramSender sender(one.native_handle(), GetParam());
    // The kernel begins to stamp a short while after it was asked.
    Duration off = 1s;
    for (int i = 0; i < 20 && off > 20ms; ++i) {
        const TimePoint before = Clock::now();
        sender.add(at(other), as_bytes("hello"), Cutting::allowed);
        sender.flush();
        const TimePoint after = Clock::now();
        poll(nullptr, 0, 60);  // the thread is late
        const Heard heard = hear(other, 1, at(one));
        ASSERT_EQ(heard.arrived.size(), 1u);
        EXPECT_GE(heard.arrived[0], before - 1ms);
        off = heard.arrived[0] - after;
    }
    EXPECT_LE(off, 20ms);
}

TEST_P(DatagramIoTest, ProbesAndThoseThatAreCutLeaveInOrder) {
    DatagramSender sender(one.native_handle(), GetParam());
    const std::string text(1400, 'a'), probe(1472, 'b'), large(3000, 'c');
    sender.add(at(other), as_bytes(text), Cutting::allowed);
    sender.add(at(other), as_bytes(probe), Cutting::forbidden);
    sender.add(at(other), as_bytes(large), Cutting::early);
    sender.add(at(other), as_bytes(text), Cutting::allowed);
    sender.flush();
    EXPECT_EQ(hear(other, 4, at(one)).datagrams, (std::vector<std::string>{text, probe, large, text}));
}

TEST_P(DatagramIoTest, ADatagramLargerThanTheLinkVanishesAlone) {
    DatagramSender sender(one.native_handle(), GetParam());
    const std::string probe(65'520, 'b');  // with its headers more than the loopback device carries
    sender.add(at(other), as_bytes(probe), Cutting::forbidden);
    sender.add(at(other), as_bytes("after it"), Cutting::allowed);
    sender.flush();
    EXPECT_EQ(hear(other, 1, at(one)).datagrams, std::vector<std::string>{"after it"});
}

TEST_P(DatagramIoTest, HearsThatNothingListens) {
    DatagramSender sender(one.native_handle(), GetParam());
    const Endpoint gone = [&] { return at(open()); }();
    sender.add(gone, as_bytes("anybody?"), Cutting::allowed);
    sender.flush();
    std::vector<Endpoint> unreachable;
    for (int i = 0; i < 5 && unreachable.empty(); ++i) {
        pollfd ready{one.native_handle(), POLLIN, 0};
        poll(&ready, 1, 100);
        const auto batch = receiver.receive(one.native_handle());
        unreachable.assign(batch.unreachable.begin(), batch.unreachable.end());
    }
    EXPECT_EQ(unreachable, std::vector<Endpoint>{gone});
    // The error is not told to those who send next.
    sender.add(at(other), as_bytes("hello"), Cutting::allowed);
    sender.flush();
    EXPECT_EQ(hear(other, 1, at(one)).datagrams.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Families, DatagramIoTest, ::testing::Values(AddressFamily::v4, AddressFamily::v6),
                         [](const auto& family) { return family.param == AddressFamily::v4 ? "v4" : "v6"; });

}  // namespace
}  // namespace btfs::net
