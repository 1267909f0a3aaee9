#include "engine/wire/inbound_stream.hpp"

#include <gtest/gtest.h>

#include <map>

#include "engine/core/rng.hpp"

namespace btfs::wire {
namespace {

/// Sink that expects blocks in an order and logs everything it gets.
struct Recorder final : InboundStream::Sink {
    Error on_handshake(ByteView raw) override {
        log += "handshake(" + std::to_string(raw.size()) + ") ";
        return {};
    }
    Error on_message(ByteView body) override {
        log += "message(" + std::to_string(body.size()) + ") ";
        return {};
    }
    Result<std::span<std::byte>> on_block_begin(const BlockRef& block) override {
        log += "block(" + std::to_string(block.piece.value()) + ") ";
        auto& place = places[block.piece.value()];
        place.resize(block.size);
        std::erase(expected, block);
        return std::span(place);
    }
    void on_block_end(const BlockRef& block) override {
        log += "end(" + std::to_string(block.piece.value()) + ") ";
    }
    std::optional<Guess> guess(std::size_t n) override {
        if (n >= expected.size()) return std::nullopt;
        auto& place = places[expected[n].piece.value()];
        place.resize(expected[n].size);
        return Guess{expected[n], place};
    }

    std::string log;
    std::map<std::uint32_t, std::vector<std::byte>> places;
    std::vector<BlockRef> expected;
};

Bytes handshake() {
    const auto raw = Handshake{}.encode();
    return {raw.begin(), raw.end()};
}

Bytes piece(std::uint32_t index, std::size_t size) {
    Bytes out(kPieceHeaderSize);
    write_piece_header(std::span<std::byte, kPieceHeaderSize>(out.data(), kPieceHeaderSize),
                       {PieceIndex(index), 0, static_cast<std::uint32_t>(size)});
    for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<std::byte>(index + i));
    return out;
}

void append(Bytes& out, const Bytes& more) {
    out.insert(out.end(), more.begin(), more.end());
}

/// Feeds bytes through the scatter lists, at most `bite` bytes at a time.
Error pour(InboundStream& stream, ByteView bytes, std::size_t bite) {
    while (!bytes.empty()) {
        iovec buffers[40];
        const std::size_t count = stream.receive_buffers(buffers);
        std::size_t placed = 0;
        for (std::size_t i = 0; i < count && placed < bite; ++i) {
            const std::size_t n = std::min({buffers[i].iov_len, bytes.size(), bite - placed});
            std::memcpy(buffers[i].iov_base, bytes.data(), n);
            bytes = bytes.subspan(n);
            placed += n;
        }
        if (Error error = stream.received(placed)) return error;
    }
    return {};
}

void expect_content(const Recorder& recorder, std::uint32_t index, std::size_t size) {
    const Bytes sent = piece(index, size);
    const auto& got = recorder.places.at(index);
    ASSERT_EQ(got.size(), size);
    EXPECT_TRUE(std::equal(got.begin(), got.end(), sent.begin() + kPieceHeaderSize)) << index;
}

class Bites : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(OfAnySize, Bites, ::testing::Values(1, 3, 7, 13, 100, 5000, 16397, 1 << 20));

TEST_P(Bites, BlocksInTheExpectedOrderArriveInPlace) {
    Recorder r;
    InboundStream stream(r, kMaxMessageSize);
    Bytes wire = handshake();
    for (std::uint32_t i = 0; i < 5; ++i) {
        r.expected.push_back({PieceIndex(i), 0, 1000 + i});
        append(wire, piece(i, 1000 + i));
    }
    ASSERT_FALSE(pour(stream, wire, GetParam()));
    EXPECT_EQ(
        r.log,
        "handshake(68) block(0) end(0) block(1) end(1) block(2) end(2) block(3) end(3) block(4) end(4) ");
    for (std::uint32_t i = 0; i < 5; ++i) expect_content(r, i, 1000 + i);
}

TEST_P(Bites, AWrongGuessLosesNothing) {
    Recorder r;
    InboundStream stream(r, kMaxMessageSize);
    Bytes wire = handshake();
    for (std::uint32_t i : {0u, 1u, 2u, 3u}) r.expected.push_back({PieceIndex(i), 0, 500});
    append(wire, piece(0, 500));
    append_message(wire, Have{PieceIndex(3)});
    append(wire, piece(2, 500));  // out of order
    append_message(wire, KeepAlive{});
    append(wire, piece(1, 500));
    append_message(wire, Choke{});
    append(wire, piece(3, 500));
    ASSERT_FALSE(pour(stream, wire, GetParam()));
    EXPECT_EQ(
        r.log,
        "handshake(68) block(0) end(0) message(5) block(2) end(2) message(0) block(1) end(1) message(1) "
        "block(3) end(3) ");
    for (std::uint32_t i = 0; i < 4; ++i) expect_content(r, i, 500);
}

TEST_P(Bites, ADivertedBlockIsNotWrittenAnyMore) {
    Recorder r;
    InboundStream stream(r, kMaxMessageSize);
    r.expected.push_back({PieceIndex(0), 0, 1000});
    Bytes wire = handshake();
    const Bytes block = piece(0, 1000);
    wire.insert(wire.end(), block.begin(), block.begin() + kPieceHeaderSize + 400);
    ASSERT_FALSE(pour(stream, wire, GetParam()));
    stream.divert_block();
    std::ranges::fill(r.places[0], std::byte{0xee});
    Bytes rest(block.begin() + kPieceHeaderSize + 400, block.end());
    append_message(rest, Unchoke{});
    ASSERT_FALSE(pour(stream, rest, GetParam()));
    EXPECT_EQ(r.log, "handshake(68) block(0) end(0) message(1) ");
    EXPECT_TRUE(std::ranges::all_of(r.places[0], [](std::byte b) { return b == std::byte{0xee}; }));
}

TEST(InboundStream, LengthsAreCheckedBeforeMemoryIsTaken) {
    Recorder r;
    InboundStream stream(r, 1000);
    Bytes wire = handshake();
    ByteWriter(wire).u32(1001).u8(20);
    EXPECT_EQ(stream.feed(wire), Errc::message_too_long);

    InboundStream blocks(r, 1000);
    wire = handshake();
    ByteWriter(wire).u32(9 + kBlockSize + 1).u8(7);
    EXPECT_EQ(blocks.feed(wire), Errc::message_too_long);

    InboundStream shorter(r, 1000);
    wire = handshake();
    ByteWriter(wire).u32(8).u8(7);
    EXPECT_EQ(shorter.feed(wire), Errc::message_malformed);
}

TEST(InboundStream, BytesReadElsewhereComeFirst) {
    Recorder r;
    InboundStream stream(r, 1000);
    const Bytes wire = handshake();
    ASSERT_FALSE(stream.feed(ByteView(wire).first(48)));
    ASSERT_FALSE(pour(stream, ByteView(wire).subspan(48), 5));
    EXPECT_EQ(r.log, "handshake(68) ");
}

}  // namespace
}  // namespace btfs::wire
