// Maps handles that the kernel holds to objects.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace btfs {

/// Values that stay as they were when they were opened: kept until they are closed, or until the end if they
/// never are. From any thread.
template <class T>
class HandleTable {
  public:
    std::uint64_t open(T value) {
        auto shared = std::make_shared<const T>(std::move(value));
        std::lock_guard lock(mutex_);
        values_.emplace(++last_, std::move(shared));
        return last_;
    }
    /// Returns null if the handle is not open.
    std::shared_ptr<const T> get(std::uint64_t handle) const {
        std::lock_guard lock(mutex_);
        const auto found = values_.find(handle);
        return found == values_.end() ? nullptr : found->second;
    }
    void close(std::uint64_t handle) {
        std::lock_guard lock(mutex_);
        values_.erase(handle);
    }

  private:
    mutable std::mutex mutex_;  // guards what follows
    std::uint64_t last_ = 0;
    std::unordered_map<std::uint64_t, std::shared_ptr<const T>> values_;  ///< shared with answers under way
};

}  // namespace btfs
