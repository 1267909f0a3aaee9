#include "cli/service/engine_status.hpp"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

namespace btfs::cli {

struct EngineStatus::Shared {
    std::mutex mutex;  // guards the members below
    std::condition_variable answered;
    Snapshot snapshot = std::make_shared<const TorrentStatuses>();
    std::uint64_t asked_count = 0;
    std::uint64_t answered_count = 0;

    bool under_way() const { return asked_count != answered_count; }
};

EngineStatus::EngineStatus(Engine& engine, Duration patience)
    : engine_(engine), patience_(patience), shared_(std::make_shared<Shared>()) {}

EngineStatus::Snapshot EngineStatus::get() {
    const auto limit = Clock::now() + patience_;
    std::unique_lock lock(shared_->mutex);
    const std::uint64_t wanted = shared_->asked_count + 1;  // an earlier question may get an older status
    while (shared_->answered_count < wanted) {
        if (shared_->under_way()) {
            if (shared_->answered.wait_until(lock, limit) == std::cv_status::timeout) break;
            continue;
        }
        ++shared_->asked_count;
        lock.unlock();
        engine_.ask_status([shared = shared_](TorrentStatuses all) {
            {
                std::lock_guard guard(shared->mutex);
                shared->snapshot = std::make_shared<const TorrentStatuses>(std::move(all));
                ++shared->answered_count;
            }
            shared->answered.notify_all();
        });
        lock.lock();
    }
    return shared_->snapshot;
}

EngineStatus::Snapshot EngineStatus::last() const {
    std::lock_guard lock(shared_->mutex);
    return shared_->snapshot;
}

}  // namespace btfs::cli
