#include "engine/net/task_group.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <vector>

#include "engine/log/log.hpp"

namespace btfs::net {

void TaskGroup::spawn(std::string_view what, boost::asio::awaitable<void> task) {
    tasks_.emplace_back();
    const auto self = std::prev(tasks_.end());
    const auto ended = [this, self, what](std::exception_ptr error) {
        tasks_.erase(self);
        if (!error) return;
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& e) {
            log::debug("{} ended: {}", what, e.what());
        }
    };
    boost::asio::co_spawn(executor_, std::move(task),
                          boost::asio::bind_cancellation_slot(self->slot(), ended));
}

void TaskGroup::cancel() {
    // Copies the list first: a cancelled task may end, and leave the list, inside emit().
    std::vector<boost::asio::cancellation_signal*> signals;
    for (auto& signal : tasks_) signals.push_back(&signal);
    for (auto* signal : signals) {
        const bool there = std::ranges::any_of(tasks_, [&](const auto& task) { return &task == signal; });
        if (there) signal->emit(boost::asio::cancellation_type::terminal);
    }
}

}  // namespace btfs::net
