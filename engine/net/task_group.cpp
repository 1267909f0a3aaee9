#include "engine/net/task_group.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <vector>

#include "engine/log/log.hpp"

namespace btfs::net {

// co_spawn() waits for a turn before it says that a task has ended which never waited itself. If the task was
// cancelled by then, that wait throws, out of the loop: so a task that has not begun is not cancelled by its
// signal, and one that has cancelled itself ends as if it were not.
boost::asio::awaitable<void> TaskGroup::run(Task& task, boost::asio::awaitable<void> body) {
    task.begun = true;
    if (task.cancelled) co_return;
    std::exception_ptr error;
    try {
        co_await std::move(body);
    } catch (...) {
        error = std::current_exception();
    }
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    if (error) std::rethrow_exception(error);
}

void TaskGroup::End::operator()(std::exception_ptr error) const {
    tasks.erase(self);
    if (!error) return;
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        log::debug("{} ended: {}", what, e.what());
    }
}

// End has its slot itself, instead of bind_cancellation_slot(), so that emit() is heard at once. What that
// binds has an executor of its own in Asio's eyes (Boost 1.81): outside of the loop co_spawn() would put off
// what is emitted, with a pointer into the signal, and a task that ends before that takes its signal along.
void TaskGroup::spawn(std::string_view what, boost::asio::awaitable<void> body) {
    Task& task = tasks_.emplace_back();
    boost::asio::co_spawn(executor_, run(task, std::move(body)), End{tasks_, std::prev(tasks_.end()), what});
}

void TaskGroup::cancel() {
    // Copies the list first: a cancelled task may end, and leave the list, inside emit().
    std::vector<Task*> all;
    for (Task& task : tasks_) all.push_back(&task);
    for (Task* task : all) {
        if (std::ranges::none_of(tasks_, [&](const Task& there) { return &there == task; })) continue;
        if (task->begun) {
            task->signal.emit(boost::asio::cancellation_type::terminal);
        } else {
            task->cancelled = true;
        }
    }
}

}  // namespace btfs::net
