// The control socket, and clients that do not keep to its rules.
#include "cli/control/control_socket.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstring>
#include <future>
#include <thread>
#include <vector>

#include "cli/process/failure.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

using Json = boost::json::object;

struct ControlSocketTest : testing::Test {
    void SetUp() override {
        auto opened = ControlSocket::open(dir.path / "btfs", "1.sock", [](const Json& request) -> Json {
            if (request.contains("fail")) throw Failure("no such thing");
            return {{"echo", request}};
        });
        ASSERT_TRUE(opened) << opened.error().message();
        socket = std::move(*opened);
    }
    FileDescriptor connect() const {
        FileDescriptor client(::socket(AF_UNIX, SOCK_STREAM, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, socket->path().c_str());
        EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return client;
    }
    static std::string exchange(const FileDescriptor& client, const std::string& text) {
        for (std::size_t at = 0; at < text.size();) {
            const ssize_t count = send(client.get(), text.data() + at, text.size() - at, MSG_NOSIGNAL);
            if (count <= 0) return "not sent";
            at += static_cast<std::size_t>(count);
        }
        std::string answer;
        for (char c; recv(client.get(), &c, 1, 0) == 1 && c != '\n';) answer += c;
        return answer;
    }

    TemporaryFolder dir;
    std::unique_ptr<ControlSocket> socket;
};

TEST(Ask, TellsAMountThatIsBusyFromOneThatHasEnded) {
    const TemporaryFolder dir;
    const std::filesystem::path path = dir.path / "1.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    FileDescriptor silent(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(bind(silent.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(silent.get(), 1), 0);
    EXPECT_THROW(ask(path, {}, std::chrono::milliseconds(20)), NoAnswerInTime);
    silent = {};
    try {
        ask(path, {}, std::chrono::milliseconds(20));
        ADD_FAILURE();
    } catch (const NoAnswerInTime&) {
        ADD_FAILURE() << "it has ended";
    } catch (const Failure&) {
    }
}

TEST_F(ControlSocketTest, AnswersEachRequestAndTellsWhyOneFailed) {
    const Json answer = ask(socket->path(), {{"command", "x"}, {"path", "a b\n\"ü"}});
    EXPECT_EQ(answer.at("echo").at("path"), "a b\n\"ü");
    try {
        ask(socket->path(), {{"fail", true}});
        ADD_FAILURE();
    } catch (const Failure& failure) {
        EXPECT_STREQ(failure.what(), "no such thing");
    }
    const FileDescriptor client = connect();
    EXPECT_EQ(exchange(client, "{\"a\":1}\n"), R"({"echo":{"a":1}})");
    EXPECT_EQ(exchange(client, "[1]\n"), R"({"error":"not a JSON object"})");
    EXPECT_EQ(exchange(client, "}{\n"), R"({"error":"not a JSON object"})");
    EXPECT_EQ(exchange(client, "{\"a\":2}\n"), R"({"echo":{"a":2}})");
}

TEST_F(ControlSocketTest, SocketAndFolderAreOpenToTheirUserAlone) {
    struct stat status {};
    ASSERT_EQ(stat(socket->path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    ASSERT_EQ(stat(socket->path().parent_path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700u);
    chmod(socket->path().parent_path().c_str(), 0755);
    EXPECT_FALSE(ControlSocket::open(dir.path / "btfs", "2.sock", nullptr));
    EXPECT_FALSE(ControlSocket::open(dir.path / std::string(200, 'x'), "2.sock", nullptr));
}

TEST_F(ControlSocketTest, AnEndlessLineEndsTheConnection) {
    const FileDescriptor client = connect();
    const std::string text(ControlSocket::kMaxLine + 10'000, 'x');
    std::size_t sent = 0;
    while (sent < 10 * text.size()) {
        const ssize_t count = send(client.get(), text.data(), text.size(), MSG_NOSIGNAL);
        if (count < 0) break;
        sent += static_cast<std::size_t>(count);
    }
    EXPECT_LT(sent, 10 * text.size());
    EXPECT_EQ(exchange(connect(), "{}\n"), R"({"echo":{}})");
}

TEST_F(ControlSocketTest, ASilentClientHoldsUpNeitherOthersNorTheEnd) {
    const auto before = std::chrono::steady_clock::now();
    const FileDescriptor silent = connect();
    EXPECT_EQ(send(silent.get(), "{", 1, 0), 1);
    EXPECT_EQ(exchange(connect(), "{}\n"), R"({"echo":{}})");
    const std::filesystem::path path = socket->path();
    socket.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - before, ControlSocket::kPatience / 2);
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_THROW(ask(path, {}), Failure);
}

TEST_F(ControlSocketTest, ClientsBeyondTheLimitWaitForTheirTurn) {
    std::vector<FileDescriptor> silent(ControlSocket::kMaxClients);
    for (FileDescriptor& client : silent) {
        client = connect();
        EXPECT_EQ(exchange(client, "{}\n"), R"({"echo":{}})");
    }
    const FileDescriptor next = connect();
    EXPECT_EQ(send(next.get(), "{}\n", 3, MSG_NOSIGNAL), 3);
    pollfd answered{next.get(), POLLIN, 0};
    EXPECT_EQ(poll(&answered, 1, 50), 0);
    silent.pop_back();
    EXPECT_EQ(poll(&answered, 1, 10000), 1);
    EXPECT_EQ(exchange(next, "{\"a\":1}\n"), R"({"echo":{}})");
}

TEST(ControlSocketOfASlowMount, AnswersOthersWhileARequestIsCarriedOut) {
    const TemporaryFolder dir;
    std::promise<void> disk;
    auto socket = ControlSocket::open(dir.path / "btfs", "1.sock", [&](const Json& request) -> Json {
        if (request.contains("add")) disk.get_future().wait();
        return {};
    });
    ASSERT_TRUE(socket);
    std::jthread adds([&] { ask((*socket)->path(), {{"add", 1}}); });
    EXPECT_NO_THROW(ask((*socket)->path(), {{"status", 1}}));
    disk.set_value();
}

TEST(Ask, DoesNotWaitForEverForAMountThatAcceptsNobody) {
    const TemporaryFolder dir;
    const std::filesystem::path path = dir.path / "1.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    const FileDescriptor hung(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(bind(hung.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(hung.get(), 0), 0);
    const FileDescriptor first(::socket(AF_UNIX, SOCK_STREAM, 0));  // fills the queue
    ASSERT_EQ(connect(first.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_THROW(ask(path, {}), NoAnswerInTime);
    EXPECT_TRUE(is_listening(path));
}

TEST_F(ControlSocketTest, ARequestThatWouldTakeTooMuchMemoryIsRefused) {
    // Two bytes each, which stand for a value of sixteen.
    std::string text = "{\"a\":[";
    text.reserve(ControlSocket::kMaxLine);
    while (text.size() < ControlSocket::kMaxLine - 100) text += "1,";
    const Json answer = boost::json::parse(exchange(connect(), text + "1]}\n")).as_object();
    EXPECT_TRUE(answer.contains("error")) << "taken";
    EXPECT_EQ(exchange(connect(), "{}\n"), R"({"echo":{}})");
}

TEST_F(ControlSocketTest, TakesThePlaceOfOneThatAKilledProcessHasLeft) {
    auto second = ControlSocket::open(dir.path / "btfs", "1.sock", [](const Json&) -> Json {
        return {{"second", true}};
    });
    ASSERT_TRUE(second);
    EXPECT_TRUE(ask((*second)->path(), {}).contains("second"));
}

}  // namespace
}  // namespace btfs::cli
