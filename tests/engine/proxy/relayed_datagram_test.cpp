#include "engine/proxy/relayed_datagram.hpp"

#include <gtest/gtest.h>

#include <string>

namespace btfs::proxy {
namespace {

Bytes relayed(const std::string& from, std::string_view payload) {
    Bytes out;
    append_relay_header(out, *Endpoint::parse(from));
    ByteWriter(out).text(payload);
    return out;
}

TEST(RelayedDatagram, IsReadAsItIsWritten) {
    for (const std::string from : {"192.0.2.1:6881", "[2001:db8::1]:6881"}) {
        const Bytes datagram = relayed(from, "payload");
        const auto parsed = RelayedDatagram::parse(datagram);
        ASSERT_TRUE(parsed);
        EXPECT_EQ(parsed->from.text(), from);
        EXPECT_EQ(as_text(parsed->payload), "payload");
        EXPECT_LE(datagram.size() - parsed->payload.size(), kMaxRelayHeader);
    }
}

TEST(RelayedDatagram, GoesToANameByItsName) {
    Bytes header;
    append_relay_header(header, HostPort{"router.example", 0x1ae1});
    EXPECT_EQ(as_text(header), std::string_view("\0\0\0\3\16router.example\x1a\xe1", 21));
    Bytes to_address;
    append_relay_header(to_address, HostPort{"192.0.2.1", 6881});
    EXPECT_EQ(to_address, relayed("192.0.2.1:6881", ""));
}

TEST(RelayedDatagram, FragmentsNamesAndShortOnesAreRefused) {
    Bytes whole = relayed("192.0.2.1:6881", "");
    ASSERT_TRUE(RelayedDatagram::parse(whole));
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(RelayedDatagram::parse(ByteView(whole).first(size))) << size;
    Bytes fragment = whole, named = whole;
    fragment[2] = std::byte{1};
    named[3] = std::byte{3};
    EXPECT_FALSE(RelayedDatagram::parse(fragment));
    EXPECT_FALSE(RelayedDatagram::parse(named));
}

}  // namespace
}  // namespace btfs::proxy
