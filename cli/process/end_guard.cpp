#include "cli/process/end_guard.hpp"

#include <cstdlib>
#include <utility>

#include "cli/process/exit_codes.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {

EndGuard::~EndGuard() {
    {
        std::lock_guard lock(mutex_);
        over_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void EndGuard::begin(TimePoint deadline, std::string message) {
    thread_ = std::thread([this, deadline, message = std::move(message)] {
        std::unique_lock lock(mutex_);
        if (changed_.wait_until(lock, deadline, [this] { return over_; })) return;
        log::error("{}", message);
        log::wait_until_written();
        std::_Exit(kFailure);
    });
}

}  // namespace btfs::cli
