#include "engine/wire/outbound_queue.hpp"

#include <gtest/gtest.h>

namespace btfs::wire {
namespace {

const std::vector<std::byte> kContent(100, std::byte{'c'});

/// Takes up to `size` bytes from the queue, as a socket does.
std::string take(OutboundQueue& queue, std::size_t size) {
    iovec buffers[16];
    const std::size_t count = queue.send_buffers(buffers);
    std::string out;
    for (std::size_t i = 0; i < count && out.size() < size; ++i)
        out.append(static_cast<const char*>(buffers[i].iov_base),
                   std::min(buffers[i].iov_len, size - out.size()));
    queue.sent(out.size());
    return out;
}

BlockRef block(std::uint32_t piece) {
    return {PieceIndex(piece), 0, 100};
}

TEST(OutboundQueue, ControlGoesBeforeBlocks) {
    OutboundQueue queue;
    queue.push_block(block(1), {kContent, nullptr});
    ByteWriter(queue.control()).text("hello");
    EXPECT_EQ(take(queue, 5), "hello");
    EXPECT_EQ(take(queue, 1000).size(), 113u);
    EXPECT_TRUE(queue.empty());
}

TEST(OutboundQueue, ABegunBlockIsFinishedBeforeControl) {
    OutboundQueue queue;
    queue.push_block(block(1), {kContent, nullptr});
    EXPECT_EQ(take(queue, 20).size(), 20u);
    ByteWriter(queue.control()).text("hello");
    queue.push_block(block(2), {kContent, nullptr});
    const std::string rest = take(queue, 1000);
    EXPECT_EQ(rest.size(), 93u + 5 + 113);
    EXPECT_EQ(rest.substr(93, 5), "hello");
}

TEST(OutboundQueue, DropsOnlyBlocksThatHaveNotBegun) {
    OutboundQueue queue;
    queue.push_block(block(1), {kContent, nullptr});
    queue.push_block(block(2), {kContent, nullptr});
    take(queue, 1);
    EXPECT_FALSE(queue.drop_block(block(1)));
    EXPECT_TRUE(queue.drop_block(block(2)));
    EXPECT_FALSE(queue.drop_block(block(3)));
    EXPECT_EQ(queue.block_bytes(), 112u);
}

TEST(OutboundQueue, CountsContentWithoutHeaders) {
    OutboundQueue queue;
    ByteWriter(queue.control()).text("hello");
    queue.push_block(block(1), {kContent, nullptr});
    const auto sent = queue.sent(5 + 13 + 40);
    EXPECT_EQ(sent.control, 18u);
    EXPECT_EQ(sent.content, 40u);
}

}  // namespace
}  // namespace btfs::wire
