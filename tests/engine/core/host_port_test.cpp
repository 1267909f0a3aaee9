#include "engine/core/host_port.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

TEST(HostPort, IsReadAsItIsWritten) {
    for (const char* text : {"host:1", "10.0.0.1:6881", "[::1]:65535"}) {
        const auto parsed = HostPort::parse(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parsed->text(), text);
    }
}

TEST(HostPort, NeedsAPlainHostAndAPort) {
    for (const char* text : {"", "host", "host:", ":1", "host:0", "host:65536", "host:1x", "::1:80", "[]:1"})
        EXPECT_FALSE(HostPort::parse(text)) << text;
}

}  // namespace
}  // namespace btfs
