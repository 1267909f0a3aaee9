#include "cli/process/service_manager.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace btfs::cli {
namespace {

/// Socket of a service manager; $NOTIFY_SOCKET names it while it lives.
class ServiceManager {
  public:
    explicit ServiceManager(const std::string& name) : name_(name), socket_(socket(AF_UNIX, SOCK_DGRAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), name.size());
        if (name[0] == '@') address.sun_path[0] = '\0';
        const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), length), 0);
        setenv("NOTIFY_SOCKET", name.c_str(), 1);
    }
    ~ServiceManager() {
        unsetenv("NOTIFY_SOCKET");
        close(socket_);
        if (name_[0] == '/') unlink(name_.c_str());
    }
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;

    /// Returns the next datagram; empty: there is none.
    std::string received() {
        std::array<char, 1024> buffer{};
        const ssize_t size = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        return {buffer.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
    }

  private:
    const std::string name_;
    const int socket_;
};

std::string own_name(const std::string& start) {
    return start + "btfs-service-manager-test-" + std::to_string(getpid());
}

TEST(NotifyServiceManager, SendsOneDatagramToASocketOfAPath) {
    ServiceManager manager(own_name("/tmp/"));
    EXPECT_EQ(notify_service_manager("READY=1\nSTATUS=mounted"), Error{});
    EXPECT_EQ(manager.received(), "READY=1\nSTATUS=mounted");
    EXPECT_EQ(manager.received(), "");
}

TEST(NotifyServiceManager, SendsToAnAbstractSocket) {
    ServiceManager manager(own_name("@"));
    EXPECT_EQ(notify_service_manager("STOPPING=1"), Error{});
    EXPECT_EQ(manager.received(), "STOPPING=1");
}

TEST(NotifyServiceManager, DoesNothingWithoutAServiceManager) {
    unsetenv("NOTIFY_SOCKET");
    EXPECT_EQ(notify_service_manager("READY=1"), Error{});
    setenv("NOTIFY_SOCKET", "", 1);
    EXPECT_EQ(notify_service_manager("READY=1"), Error{});
    unsetenv("NOTIFY_SOCKET");
}

TEST(NotifyServiceManager, ReturnsWhyNobodyTookTheDatagram) {
    for (const auto& [name, number] : {std::pair{own_name("/tmp/missing-"), ENOENT},
                                       {own_name("@missing-"), ECONNREFUSED},
                                       {std::string("vsock:2:1"), EAFNOSUPPORT},
                                       {"/" + std::string(200, 'a'), ENAMETOOLONG}}) {
        setenv("NOTIFY_SOCKET", name.c_str(), 1);
        EXPECT_EQ(notify_service_manager("READY=1").value(), number) << name;
    }
    unsetenv("NOTIFY_SOCKET");
}

TEST(NotifyServiceManager, DoesNotWaitForAManagerThatReadsNothing) {
    ServiceManager manager(own_name("@"));
    Error error;
    for (int i = 0; i < 100'000 && !error; ++i) error = notify_service_manager("STATUS=busy");
    EXPECT_EQ(error.value(), EAGAIN);
}

}  // namespace
}  // namespace btfs::cli
