// Group of coroutines that one owner cancels.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <list>
#include <string_view>

namespace btfs::net {

/// Runs coroutines on one executor and can cancel them all. Each is a named function that owns its
/// parameters; an exception that leaves one is logged here, its root. The owner cancels the group and lets
/// the executor run on, or stops the executor for good, before what the coroutines refer to goes away.
class TaskGroup {
  public:
    explicit TaskGroup(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    /// `what` names the task in the log; a literal.
    void spawn(std::string_view what, boost::asio::awaitable<void> task);
    void cancel();
    std::size_t size() const { return tasks_.size(); }

  private:
    boost::asio::any_io_executor executor_;
    std::list<boost::asio::cancellation_signal> tasks_;
};

}  // namespace btfs::net
