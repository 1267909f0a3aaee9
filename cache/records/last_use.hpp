// Time at which a torrent's content was used last.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace btfs {

/// Seconds since 1970, by the clock of the machine.
inline std::int64_t unix_time() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

/// Notes each use, and tells when the time is to be written to the disk: not for each use, but so often that
/// a process which is killed loses some minutes. Called from any thread, without a lock.
class LastUse {
  public:
    static constexpr std::int64_t kSaveEvery_s = 5 * 60;

    /// `on_file_s`: what the disk says.
    explicit LastUse(std::int64_t on_file_s) : used_s_(on_file_s), saved_s_(on_file_s) {}

    /// Returns true to one caller if what is on file is old, or from a clock that was ahead: that one saves
    /// seconds().
    bool note(std::int64_t now_s) {
        used_s_.store(now_s, std::memory_order_relaxed);
        std::int64_t saved = saved_s_.load(std::memory_order_relaxed);
        if (now_s >= saved && now_s - saved < kSaveEvery_s) return false;
        return saved_s_.compare_exchange_strong(saved, now_s, std::memory_order_relaxed);
    }
    std::int64_t seconds() const { return used_s_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::int64_t> used_s_;
    std::atomic<std::int64_t> saved_s_;
};

}  // namespace btfs
