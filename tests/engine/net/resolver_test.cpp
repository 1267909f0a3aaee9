#include "engine/net/resolver.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include "tests/engine/net/support/loopback.hpp"

namespace btfs::net {
namespace {

using namespace std::string_literals;
using test::run;

constexpr std::uint8_t kA = 1, kAaaa = 28;

/// Answers "good.example" with two addresses of each family. Other names do not exist.
std::string answer(const std::string& query) {
    std::size_t end = 12;
    while (end < query.size() && query[end] != 0) end += static_cast<unsigned char>(query[end]) + 1u;
    const std::string question = query.substr(12, end + 5 - 12);
    const auto type = static_cast<std::uint8_t>(question[question.size() - 3]);
    const bool good = question.find("good") != std::string::npos;
    std::string reply = query.substr(0, 2);
    reply += good ? "\x81\x80"s : "\x81\x83"s;
    reply += "\0\x01\0"s + (good ? '\x02' : '\0') + "\0\0\0\0"s + question;
    for (int i = 1; good && i <= 2; ++i) {
        reply += "\xc0\x0c\0"s + static_cast<char>(type) + "\0\x01\0\0\0\x3c"s;
        if (type == kA) reply += "\0\x04\xc0\x00\x02"s + static_cast<char>(i);
        if (type == kAaaa) reply += "\0\x10\x20\x01\x0d\xb8"s + std::string(11, '\0') + static_cast<char>(i);
    }
    return reply;
}

struct ResolverTest : ::testing::Test {
    boost::asio::io_context io;
    using Addresses = Result<std::vector<Address>>;

    static Resolver::Options at(const test::UdpServer& server) {
        Resolver::Options options;
        options.servers = {*Endpoint::parse("127.0.0.1:" + std::to_string(server.port()))};
        return options;
    }
    static std::string text(const Addresses& result) {
        if (!result) return result.error().message();
        std::string all;
        for (const Address& address : *result) all += (all.empty() ? "" : " ") + address.text();
        return all;
    }
};

TEST_F(ResolverTest, AsksTheServerForTheFamiliesWanted) {
    test::UdpServer server(answer);
    SocketFactory sockets(io);
    Resolver resolver(sockets, at(server));
    EXPECT_EQ(text(run(io, resolver.resolve("good.example", Families::v4))), "192.0.2.1 192.0.2.2");
    EXPECT_EQ(text(run(io, resolver.resolve("good.example", Families::v6))), "2001:db8::1 2001:db8::2");
    EXPECT_EQ(text(run(io, resolver.resolve("good.example", Families::both))),
              "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2");
    EXPECT_EQ(run(io, resolver.resolve("bad.example", Families::both)).error(), Errc::name_not_found);
}

TEST_F(ResolverTest, AddressesAndLocalhostNeedNoServer) {
    test::UdpServer server([](const std::string&) -> std::string {
        ADD_FAILURE() << "was asked";
        return {};
    });
    SocketFactory sockets(io);
    Resolver resolver(sockets, at(server));
    EXPECT_EQ(text(run(io, resolver.resolve("192.0.2.7", Families::both))), "192.0.2.7");
    EXPECT_EQ(text(run(io, resolver.resolve("2001:db8::7", Families::v6))), "2001:db8::7");
    EXPECT_EQ(text(run(io, resolver.resolve("localhost", Families::v4))), "127.0.0.1");
    EXPECT_EQ(text(run(io, resolver.resolve("x.localhost.", Families::both))), "127.0.0.1 ::1");
    EXPECT_EQ(run(io, resolver.resolve("192.0.2.7", Families::v6)).error(), Errc::name_not_found);
    EXPECT_EQ(run(io, resolver.resolve("", Families::v6)).error(), Errc::name_not_found);
    EXPECT_EQ(run(io, resolver.resolve(std::string(300, 'a'), Families::v6)).error(), Errc::name_not_found);
}

TEST_F(ResolverTest, ASilentServerIsATimeOut) {
    test::UdpServer server([](const std::string&) { return ""s; });
    Resolver::Options options = at(server);
    options.first_try_timeout = 50ms;
    options.tries = 2;
    SocketFactory sockets(io);
    Resolver resolver(sockets, options);
    EXPECT_EQ(run(io, resolver.resolve("good.example", Families::v4)).error(), Errc::timed_out);
    EXPECT_EQ(run(io, resolver.resolve("good.example", Families::v4, 20ms)).error(), Errc::timed_out);
}

TEST_F(ResolverTest, ALostAnswerIsAskedForAgain) {
    std::atomic<int> asked = 0;
    test::UdpServer server([&](const std::string& query) { return ++asked == 1 ? ""s : answer(query); });
    Resolver::Options options = at(server);
    options.first_try_timeout = 50ms;
    SocketFactory sockets(io);
    Resolver resolver(sockets, options);
    EXPECT_EQ(text(run(io, resolver.resolve("good.example", Families::v4))), "192.0.2.1 192.0.2.2");
}

TEST_F(ResolverTest, ACancelledQuestionEndsAtOnceAndTheResolverGoesOn) {
    std::atomic<bool> silent = true;
    test::UdpServer server([&](const std::string& query) { return silent ? ""s : answer(query); });
    SocketFactory sockets(io);
    Resolver resolver(sockets, at(server));
    boost::asio::cancellation_signal cancel;
    std::optional<Addresses> result;
    boost::asio::co_spawn(
        io, resolver.resolve("good.example", Families::v4),
        boost::asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr, Addresses r) {
            result = std::move(r);
            io.stop();
        }));
    boost::asio::post(io, [&] { cancel.emit(boost::asio::cancellation_type::terminal); });
    const TimePoint before = Clock::now();
    io.run();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->error(), Errc::cancelled);
    EXPECT_LT(Clock::now() - before, 1s);
    silent = false;
    EXPECT_EQ(text(run(io, resolver.resolve("good.example", Families::v4))), "192.0.2.1 192.0.2.2");
}

TEST_F(ResolverTest, ItsEndEndsItsQuestions) {
    test::UdpServer server([](const std::string&) { return ""s; });
    SocketFactory sockets(io);
    auto resolver = std::make_unique<Resolver>(sockets, at(server));
    std::optional<Addresses> result;
    boost::asio::co_spawn(io, resolver->resolve("good.example", Families::v4),
                          [&](std::exception_ptr, Addresses r) {
                              result = std::move(r);
                              io.stop();
                          });
    boost::asio::post(io, [&] { resolver.reset(); });
    io.run();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->error(), Errc::cancelled);
}

TEST_F(ResolverTest, GarbageFromAServerIsNoAnswer) {
    for (const std::string& garbage : {"x"s, std::string(512, '\xff'), std::string(12, '\0')}) {
        test::UdpServer server([&](const std::string& query) {
            return garbage.size() < 2 ? garbage : query.substr(0, 2) + garbage.substr(2);
        });
        Resolver::Options options = at(server);
        options.first_try_timeout = 20ms;
        options.tries = 1;
        SocketFactory sockets(io);
        Resolver resolver(sockets, options);
        EXPECT_FALSE(run(io, resolver.resolve("good.example", Families::v4)));
    }
}

TEST_F(ResolverTest, NothingIsAskedWhereTheBindingForbidsIt) {
    test::UdpServer server([](const std::string&) -> std::string {
        ADD_FAILURE() << "was asked";
        return {};
    });
    Resolver::Options options = at(server);
    options.first_try_timeout = 20ms;
    options.tries = 1;
    // The DNS server has an IPv4 address only.
    SocketFactory sockets(io, {.v4 = {}, .v6 = *Address::parse("::1"), .device = {}});
    Resolver resolver(sockets, options);
    EXPECT_FALSE(run(io, resolver.resolve("good.example", Families::v4)));
}

TEST_F(ResolverTest, ManyQuestionsAtATimeAreAllAnswered) {
    std::atomic<int> asked = 0;
    test::UdpServer server([&](const std::string& query) {
        ++asked;
        return answer(query);
    });
    SocketFactory sockets(io);
    Resolver resolver(sockets, at(server));
    constexpr int kNames = 1000;
    int ended = 0;
    for (int i = 0; i < 2 * kNames; ++i)
        boost::asio::co_spawn(
            io, resolver.resolve("good" + std::to_string(i % kNames) + ".example", Families::v4, 60s),
            [&](std::exception_ptr, Addresses result) {
                EXPECT_EQ(text(result), "192.0.2.1 192.0.2.2");
                if (++ended == 2 * kNames) io.stop();
            });
    io.run();
    EXPECT_EQ(ended, 2 * kNames);
    EXPECT_LT(asked, 2 * kNames) << "equal names are one question";
}

TEST_F(ResolverTest, AnAnswerIsKept) {
    std::atomic<int> asked = 0;
    test::UdpServer server([&](const std::string& query) {
        ++asked;
        return answer(query);
    });
    SocketFactory sockets(io);
    Resolver resolver(sockets, at(server));
    for (const char* name : {"good.example", "bad.example"}) run(io, resolver.resolve(name, Families::v4));
    const int before = asked;
    EXPECT_EQ(text(run(io, resolver.resolve("GOOD.example", Families::v4))), "192.0.2.1 192.0.2.2");
    EXPECT_EQ(run(io, resolver.resolve("bad.example", Families::v4)).error(), Errc::name_not_found);
    EXPECT_EQ(asked, before);
}

}  // namespace
}  // namespace btfs::net
