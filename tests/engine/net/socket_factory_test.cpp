#include "engine/net/socket_factory.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <boost/asio/io_context.hpp>

namespace btfs::net {
namespace {

TEST(SocketFactoryTest, PeerConnectionsEndWhenNothingIsAcknowledged) {
    boost::asio::io_context io;
    SocketFactory sockets(io);
    auto socket = sockets.tcp(AddressFamily::v4);
    ASSERT_TRUE(socket);
    unsigned timeout = 0;
    socklen_t size = sizeof timeout;
    ASSERT_EQ(getsockopt(socket->native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, &size), 0);
    EXPECT_GE(timeout, 10'000u);
    EXPECT_LE(timeout, 60'000u);
}

}  // namespace
}  // namespace btfs::net
