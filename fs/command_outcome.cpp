#include "fs/command_outcome.hpp"

#include <utility>

#include "fs/errno_map.hpp"

namespace btfs {

CommandDone CommandOutcome::begin(CommandDone first) {
    std::lock_guard lock(mutex_);
    return begin_locked(std::move(first));
}

CommandDone CommandOutcome::begin_once(CommandDone request) {
    {
        std::lock_guard lock(mutex_);
        if (!has_begun_) return begin_locked(std::move(request));
    }
    join(std::move(request));
    return nullptr;
}

CommandDone CommandOutcome::begin_locked(CommandDone first) {
    const auto waiting = std::make_shared<Waiting>();
    waiting->push_back(std::move(first));
    has_begun_ = true;
    under_way_ = waiting;
    last_.reset();
    return [self = shared_from_this(), waiting](const Error& error) { self->finish(waiting, error); };
}

void CommandOutcome::finish(const std::shared_ptr<Waiting>& waiting, const Error& error) {
    Waiting answered;
    {
        std::lock_guard lock(mutex_);
        answered.swap(*waiting);
        if (under_way_.lock() == waiting) {
            under_way_.reset();
            last_ = error;
        }
    }
    for (const CommandDone& done : answered) done(error);
}

void CommandOutcome::join(CommandDone request) {
    Error outcome;
    std::shared_ptr<Waiting> waiting;  // outlives the lock: the requests may be dropped with it
    {
        std::lock_guard lock(mutex_);
        waiting = under_way_.lock();
        if (waiting) {
            waiting->push_back(std::move(request));
            return;
        }
        if (last_) {
            outcome = *last_;
        } else if (has_begun_) {
            outcome = fs_error::unmounted();
        }
    }
    request(outcome);
}

}  // namespace btfs
