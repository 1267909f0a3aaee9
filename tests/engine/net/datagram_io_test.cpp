#include "engine/net/datagram_io.hpp"

#include <gtest/gtest.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <map>
#include <thread>

#include "engine/net/socket_factory.hpp"
#include "tests/engine/net/support/slow_neighbour.hpp"

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

/// The kernel makes a new address usable a moment later. False if that takes a second.
bool wait_for_address(const std::array<std::byte, 16>& address) {
    sockaddr_in6 to{}, from{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(9);
    std::memcpy(&to.sin6_addr, address.data(), address.size());
    for (const TimePoint end = Clock::now() + 1s; Clock::now() < end; poll(nullptr, 0, 1)) {
        const int fd = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        socklen_t size = sizeof from;
        const bool there = connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
                           getsockname(fd, reinterpret_cast<sockaddr*>(&from), &size) == 0 &&
                           std::memcmp(&from.sin6_addr, &to.sin6_addr, sizeof to.sin6_addr) == 0;
        ::close(fd);
        if (there) return true;
    }
    return false;
}

/// Gives the loopback interface of this thread's network two more addresses of IPv6.
bool has_own_network() {
    if (unshare(CLONE_NEWNET) != 0) return false;
    const int fd = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq up{};
    std::strcpy(up.ifr_name, "lo");
    up.ifr_flags = IFF_UP;
    bool done = ioctl(fd, SIOCSIFFLAGS, &up) == 0;
    for (const char* text : {"fd00::5", "fd00::6"}) {
        struct {
            std::array<std::byte, 16> address;
            std::uint32_t prefix_length = 128;
            int interface = 0;
        } request;  // the kernel's in6_ifreq, whose header does not go with <netinet/in.h>
        std::memcpy(request.address.data(), Address::parse(text)->bytes().data(), 16);
        request.interface = static_cast<int>(if_nametoindex("lo"));
        done &= ioctl(fd, SIOCSIFADDR, &request) == 0 && wait_for_address(request.address);
    }
    ::close(fd);
    return done;
}

TEST_P(DatagramIoTest, AnswersLeaveFromTheAddressesThatWereAsked) {
    const bool v4 = GetParam() == AddressFamily::v4;  // all of 127.0.0.0/8 is this machine's
    bool prepared = true;
    std::thread([&] {
        if (!v4 && !has_own_network()) return void(prepared = false);
        auto asker = open(), answerer = open();
        tell_destinations(asker.native_handle(), GetParam());
        tell_destinations(answerer.native_handle(), GetParam());
        const Address first = *Address::parse(v4 ? "127.0.0.5" : "fd00::5");
        const Address second = *Address::parse(v4 ? "127.0.0.6" : "fd00::6");
        DatagramSender asks(asker.native_handle(), GetParam());
        for (const Address& address : {first, second})
            asks.add({address, at(answerer).port}, as_bytes("?"), Cutting::allowed);
        asks.flush();
        DatagramSender answers(answerer.native_handle(), GetParam());
        const std::string text(1000, 'a'), probe(1472, 'b'), alone("alone");
        for (int asked = 0; asked < 2;) {
            pollfd ready{answerer.native_handle(), POLLIN, 0};
            ASSERT_EQ(poll(&ready, 1, 500), 1);
            for (const auto& datagram : receiver.receive(answerer.native_handle()).datagrams) {
                EXPECT_EQ(datagram.to, asked++ == 0 ? first : second);
                for (int i = 0; i < 30; ++i)
                    answers.add(datagram.from, as_bytes(text), Cutting::allowed, datagram.to);
                answers.add(datagram.from, as_bytes(probe), Cutting::forbidden, datagram.to);
                EXPECT_FALSE(
                    send_datagram(answerer.native_handle(), datagram.from, as_bytes(alone), datagram.to));
                for (int i = 0; i < 10; ++i)
                    answers.add(datagram.from, as_bytes(text), Cutting::allowed, datagram.to);
            }
        }
        answers.flush();
        std::map<Address, std::size_t> heard;
        std::size_t messages = 0;
        for (const TimePoint end = Clock::now() + 500ms;
             Clock::now() < end && heard[first] + heard[second] < 84;) {
            pollfd ready{asker.native_handle(), POLLIN, 0};
            poll(&ready, 1, 100);
            const auto batch = receiver.receive(asker.native_handle());
            messages += batch.messages;
            for (const auto& datagram : batch.datagrams) {
                EXPECT_EQ(datagram.from.port, at(answerer).port);
                ++heard[datagram.from.address];
            }
        }
        EXPECT_EQ(heard, (std::map<Address, std::size_t>{{first, 42}, {second, 42}}));
        EXPECT_LT(messages, 20u) << "those of one source still leave together";
    }).join();
    if (!prepared) GTEST_SKIP() << "a network of its own needs root";
}

// An interface may lose the address while a connection uses it.
TEST_P(DatagramIoTest, FromAnAddressThatIsNotOursNothingLeavesAndOthersAreNotHeldUp) {
    const Address not_ours = *Address::parse(GetParam() == AddressFamily::v4 ? "192.0.2.77" : "2001:db8::77");
    DatagramSender sender(one.native_handle(), GetParam());
    for (int i = 0; i < 3; ++i) sender.add(at(other), as_bytes("lost"), Cutting::allowed, not_ours);
    sender.add(at(other), as_bytes("hello"), Cutting::allowed);
    sender.flush();
    EXPECT_TRUE(send_datagram(one.native_handle(), at(other), as_bytes("lost"), not_ours));
    EXPECT_TRUE(sender.has_room());
    EXPECT_EQ(hear(other, 1, at(one)).datagrams, std::vector<std::string>{"hello"});
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

// ---- a socket that is full ----

struct FullSocketTest : ::testing::Test {
    boost::asio::io_context io;
    SocketFactory sockets{io};

    /// One that takes a few datagrams of 1,000 bytes until they have left.
    boost::asio::ip::udp::socket open_small() {
        auto socket = sockets.udp(AddressFamily::v4, 0);
        prepare_datagram_socket(socket->native_handle(), AddressFamily::v4);
        socket->set_option(boost::asio::socket_base::send_buffer_size(4096));
        return std::move(*socket);
    }
    static std::string numbered(std::size_t i, std::size_t size = 1000) {
        std::string text = std::to_string(i) + ":";
        text.resize(size, static_cast<char>('a' + i % 26));
        return text;
    }
    static bool is_writable(boost::asio::ip::udp::socket& socket, int patience_ms) {
        pollfd ready{socket.native_handle(), POLLOUT, 0};
        return poll(&ready, 1, patience_ms) == 1;
    }
    /// Until the sender has room.
    static std::vector<test::SlowNeighbour::Datagram> drain(test::SlowNeighbour& neighbour,
                                                            boost::asio::ip::udp::socket& socket,
                                                            DatagramSender& sender) {
        neighbour.answer();
        std::vector<test::SlowNeighbour::Datagram> all = neighbour.arrived();
        while (!sender.has_room() && is_writable(socket, 1000)) {
            sender.handle_writable();
            for (auto& datagram : neighbour.arrived()) all.push_back(std::move(datagram));
        }
        return all;
    }
};

TEST_F(FullSocketTest, DatagramsAreCopiedWaitAndLeaveInOrderWhenThereIsRoom) {
    const bool ran = test::SlowNeighbour::run([&](test::SlowNeighbour& neighbour) {
        auto socket = open_small();
        DatagramSender sender(socket.native_handle(), AddressFamily::v4);
        constexpr std::size_t kMany = 30;
        std::vector<std::string> texts;
        for (std::size_t i = 0; i < kMany; ++i) texts.push_back(numbered(i));
        // To ports in turn, so that each is a message.
        for (std::size_t i = 0; i < kMany; ++i)
            sender.add(neighbour.at(i % 2 == 0 ? 1 : 2), as_bytes(texts[i]), Cutting::allowed);
        sender.flush();
        EXPECT_FALSE(sender.has_room());
        for (std::string& text : texts)
            text.assign(text.size(), '!');  // its bytes are no longer the sender's
        const std::string probe = numbered(kMany, 1472), last = numbered(kMany + 1);
        sender.add(neighbour.at(1), as_bytes(probe), Cutting::forbidden);
        sender.add(neighbour.at(1), as_bytes(last), Cutting::allowed);
        sender.flush();
        EXPECT_FALSE(is_writable(socket, 0));
        sender.handle_writable();
        EXPECT_FALSE(sender.has_room()) << "nothing has left yet";
        EXPECT_TRUE(neighbour.arrived().empty());

        const auto arrived = drain(neighbour, socket, sender);
        EXPECT_TRUE(sender.has_room());
        ASSERT_EQ(arrived.size(), kMany + 2);
        for (std::size_t i = 0; i < arrived.size(); ++i) {
            EXPECT_EQ(arrived[i].content, numbered(i, i == kMany ? 1472 : 1000)) << i;
            EXPECT_EQ(arrived[i].may_be_cut, i != kMany) << i;
        }
    });
    if (!ran) GTEST_SKIP() << "a network of its own needs root and /dev/net/tun";
}

TEST_F(FullSocketTest, NoMoreDatagramsWaitThanTheLimit) {
    const bool ran = test::SlowNeighbour::run([&](test::SlowNeighbour& neighbour) {
        auto socket = open_small();
        DatagramSender sender(socket.native_handle(), AddressFamily::v4);
        std::size_t taken = 0;  // by the socket
        for (; sender.has_room(); ++taken) {
            ASSERT_LT(taken, 100u);
            sender.add(neighbour.at(1), as_bytes(numbered(taken)), Cutting::forbidden);  // leaves at once
        }
        --taken;  // the last one waits
        for (std::size_t i = 0; i < DatagramSender::kMaxWaiting + 50; ++i)
            sender.add(neighbour.at(1), as_bytes(numbered(taken + 1 + i)), Cutting::allowed);
        sender.flush();
        const auto arrived = drain(neighbour, socket, sender);
        ASSERT_EQ(arrived.size(), taken + DatagramSender::kMaxWaiting);
        EXPECT_EQ(arrived.back().content, numbered(arrived.size() - 1)) << "the newest are dropped";
    });
    if (!ran) GTEST_SKIP() << "a network of its own needs root and /dev/net/tun";
}

INSTANTIATE_TEST_SUITE_P(Families, DatagramIoTest, ::testing::Values(AddressFamily::v4, AddressFamily::v6),
                         [](const auto& family) { return family.param == AddressFamily::v4 ? "v4" : "v6"; });

}  // namespace
}  // namespace btfs::net
