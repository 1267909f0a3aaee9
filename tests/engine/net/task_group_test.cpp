#include "engine/net/task_group.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

namespace btfs::net {
namespace {

namespace asio = boost::asio;

asio::awaitable<void> wait_for_a_turn(asio::io_context& io) {
    co_await asio::post(io, asio::use_awaitable);
}

asio::awaitable<void> wait_for_ever(asio::io_context& io) {
    asio::steady_timer timer(io, asio::steady_timer::time_point::max());
    co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> cancel_all(TaskGroup& group) {
    group.cancel();
    co_return;
}

asio::awaitable<void> fail() {
    throw std::runtime_error("on purpose");
    co_return;
}

struct TaskGroupTest : ::testing::Test {
    asio::io_context io;
    TaskGroup group{io.get_executor()};
};

TEST_F(TaskGroupTest, CancelledTasksEnd) {
    group.spawn("test", wait_for_ever(io));
    group.spawn("test", wait_for_ever(io));
    io.poll();
    EXPECT_EQ(group.size(), 2u);
    group.cancel();
    io.run();
    EXPECT_EQ(group.size(), 0u);
}

TEST_F(TaskGroupTest, ATaskThatIsCancelledBeforeItBeginsEnds) {
    group.spawn("test", wait_for_ever(io));
    group.cancel();
    io.run();
    EXPECT_EQ(group.size(), 0u);
}

TEST_F(TaskGroupTest, NothingIsLeftBehindOfATaskThatEndsAfterItsCancellation) {
    group.spawn("test", wait_for_a_turn(io));
    EXPECT_EQ(io.poll_one(), 1u);  // it has begun, and its turn will come
    group.cancel();
    EXPECT_EQ(io.poll_one(), 1u);
    EXPECT_EQ(group.size(), 0u);
    EXPECT_EQ(io.poll_one(), 0u) << "it would refer to a task that has ended";
}

TEST_F(TaskGroupTest, ATaskMayCancelItsOwnGroup) {
    group.spawn("test", wait_for_ever(io));
    asio::post(io, [this] { group.spawn("test", cancel_all(group)); });
    EXPECT_NO_THROW(io.run());
    EXPECT_EQ(group.size(), 0u);
}

TEST_F(TaskGroupTest, AnExceptionEndsItsTaskAlone) {
    group.spawn("test", wait_for_ever(io));
    asio::post(io, [this] { group.spawn("test", fail()); });
    EXPECT_NO_THROW(io.poll());
    EXPECT_EQ(group.size(), 1u);
    group.cancel();
    io.run();
    EXPECT_EQ(group.size(), 0u);
}

}  // namespace
}  // namespace btfs::net
