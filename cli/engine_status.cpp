#include "cli/engine_status.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace btfs::cli {

struct EngineStatus::Shared {
    std::mutex mutex;  // guards what follows
    std::condition_variable answered;
    Snapshot snapshot = std::make_shared<std::vector<TorrentStatus>>();
    TimePoint taken{};
    bool asked = false;

    bool fresh() const { return Clock::now() < taken + kFresh; }
};

EngineStatus::EngineStatus(Engine& engine) : engine_(engine), shared_(std::make_shared<Shared>()) {}

EngineStatus::Snapshot EngineStatus::get() {
    std::unique_lock lock(shared_->mutex);
    if (shared_->fresh()) return shared_->snapshot;
    if (!std::exchange(shared_->asked, true)) {
        lock.unlock();
        engine_.ask_status([shared = shared_](std::vector<TorrentStatus> all) {
            {
                std::lock_guard guard(shared->mutex);
                shared->snapshot = std::make_shared<const std::vector<TorrentStatus>>(std::move(all));
                shared->taken = Clock::now();
                shared->asked = false;
            }
            shared->answered.notify_all();
        });
        lock.lock();
    }
    shared_->answered.wait_for(lock, kPatience, [this] { return shared_->fresh(); });
    return shared_->snapshot;
}

}  // namespace btfs::cli
