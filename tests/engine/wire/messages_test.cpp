#include "engine/wire/messages.hpp"

#include <gtest/gtest.h>

namespace btfs::wire {
namespace {

Bytes encoded(const Message& message) {
    Bytes out;
    append_message(out, message);
    return out;
}

Result<Message> round_trip(const Message& message) {
    static Bytes out;  // parsed messages borrow from it
    out = encoded(message);
    EXPECT_EQ(load_big_endian<std::uint32_t>(out.data()), out.size() - 4);
    return parse_message(ByteView(out).subspan(4));
}

const BlockRef kBlock{PieceIndex(7), 32768, 16384};

TEST(Messages, AreReadAsTheyWereWritten) {
    EXPECT_TRUE(std::holds_alternative<KeepAlive>(*round_trip(KeepAlive{})));
    EXPECT_TRUE(std::holds_alternative<Choke>(*round_trip(Choke{})));
    EXPECT_TRUE(std::holds_alternative<Unchoke>(*round_trip(Unchoke{})));
    EXPECT_TRUE(std::holds_alternative<HaveAll>(*round_trip(HaveAll{})));
    EXPECT_EQ(std::get<Have>(*round_trip(Have{PieceIndex(9)})).piece, PieceIndex(9));
    EXPECT_EQ(std::get<Request>(*round_trip(Request{kBlock})).block, kBlock);
    EXPECT_EQ(std::get<Cancel>(*round_trip(Cancel{kBlock})).block, kBlock);
    EXPECT_EQ(std::get<RejectRequest>(*round_trip(RejectRequest{kBlock})).block, kBlock);
    EXPECT_EQ(std::get<AllowedFast>(*round_trip(AllowedFast{PieceIndex(1)})).piece, PieceIndex(1));
    EXPECT_EQ(std::get<Port>(*round_trip(Port{6881})).port, 6881);
    const Bytes payload{std::byte{1}, std::byte{2}};
    const auto extended = round_trip(Extended{3, payload});
    EXPECT_EQ(std::get<Extended>(*extended).id, 3);
    EXPECT_EQ(std::get<Extended>(*extended).payload.size(), 2u);
}

TEST(Messages, OfTheWrongSizeAreMalformed) {
    for (const Message& message :
         {Message(Choke{}), Message(Have{PieceIndex(1)}), Message(Request{kBlock})}) {
        Bytes longer = encoded(message);
        longer.push_back(std::byte{0});
        EXPECT_EQ(parse_message(ByteView(longer).subspan(4)).error(), Errc::message_malformed);
    }
    const Bytes request = encoded(Request{kBlock});
    EXPECT_EQ(parse_message(ByteView(request).subspan(4, 8)).error(), Errc::message_malformed);
}

TEST(Messages, OfUnknownIdsAreNoError) {
    const Bytes body{std::byte{99}, std::byte{1}};
    EXPECT_EQ(std::get<Unknown>(*parse_message(body)).id, 99);
}

}  // namespace
}  // namespace btfs::wire
