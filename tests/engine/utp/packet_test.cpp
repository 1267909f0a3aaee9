#include "engine/utp/packet.hpp"

#include <gtest/gtest.h>

namespace btfs::utp {
namespace {

TEST(UtpPacket, IsReadAsItWasWritten) {
    const PacketHeader h{.type = PacketType::state,
                         .extension = 1,
                         .connection_id = 7,
                         .timestamp_us = 8,
                         .timestamp_difference_us = 9,
                         .window_size = 10,
                         .sequence_number = 11,
                         .ack_number = 12};
    const Bytes raw = h.encode();
    ASSERT_EQ(raw.size(), PacketHeader::kSize);
    EXPECT_EQ(PacketHeader::parse(raw), h);
}

TEST(UtpPacket, OfAnotherProtocolIsNone) {
    EXPECT_FALSE(PacketHeader::parse(as_bytes("d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae")));
    EXPECT_FALSE(PacketHeader::parse(as_bytes("\x41")));
}

TEST(UtpPacket, ASynIsRefusedToItsSendersConnection) {
    const PacketHeader syn{.type = PacketType::syn, .connection_id = 4711, .sequence_number = 9};
    const auto refusal = refusal_of(syn.encode());
    ASSERT_TRUE(refusal);
    const auto reset = PacketHeader::parse(*refusal);
    EXPECT_EQ(reset->type, PacketType::reset);
    EXPECT_EQ(reset->connection_id, 4711);
    EXPECT_EQ(reset->ack_number, 8);
}

TEST(UtpPacket, NothingButASynIsAnswered) {
    for (PacketType type : {PacketType::data, PacketType::fin, PacketType::state, PacketType::reset})
        EXPECT_FALSE(refusal_of(PacketHeader{.type = type}.encode()));
}

}  // namespace
}  // namespace btfs::utp
