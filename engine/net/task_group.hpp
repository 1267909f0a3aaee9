// Group of coroutines that one owner cancels.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <exception>
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
    void spawn(std::string_view what, boost::asio::awaitable<void> body);
    /// Cancels all tasks there are; a task may do so itself. On the executor's thread, or while nobody runs
    /// the executor.
    void cancel();
    std::size_t size() const { return tasks_.size(); }

  private:
    struct Task {
        boost::asio::cancellation_signal signal;
        bool begun = false;
        bool cancelled = false;  ///< before it began
    };
    using Tasks = std::list<Task>;

    /// Handler of a task's end.
    struct End {
        Tasks& tasks;
        Tasks::iterator self;
        std::string_view what;

        using cancellation_slot_type = boost::asio::cancellation_slot;
        cancellation_slot_type get_cancellation_slot() const noexcept { return self->signal.slot(); }
        void operator()(std::exception_ptr error) const;
    };

    static boost::asio::awaitable<void> run(Task& task, boost::asio::awaitable<void> body);

    boost::asio::any_io_executor executor_;
    Tasks tasks_;
};

}  // namespace btfs::net
