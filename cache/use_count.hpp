// Who is still inside: lets an owner wait until nobody uses it any more.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>

namespace btfs {

/// Counts tokens. Whoever wants to go waits for the count to be zero; a token may be made while another
/// exists, so that work which begets work is waited for as a whole.
class UseCount {
  public:
    class Token {
      public:
        Token() = default;
        explicit Token(UseCount& count) : count_(&count) {
            std::lock_guard lock(count.mutex_);
            ++count.uses_;
        }
        Token(Token&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
        Token& operator=(Token&& other) noexcept {
            std::swap(count_, other.count_);
            return *this;
        }
        ~Token() {
            if (!count_) return;
            // Under the lock to the end: the waiter may destroy the count as soon as it sees zero.
            std::lock_guard lock(count_->mutex_);
            if (--count_->uses_ == 0) count_->unused_.notify_all();
        }

      private:
        UseCount* count_ = nullptr;
    };

    Token use() { return Token(*this); }
    /// Waits at most so long; true if nobody uses it any more.
    bool unused_within(std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex_);
        return unused_.wait_for(lock, patience, [this] { return uses_ == 0; });
    }
    void wait_until_unused() {
        std::unique_lock lock(mutex_);
        unused_.wait(lock, [this] { return uses_ == 0; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable unused_;
    std::size_t uses_ = 0;  // guarded by mutex_
};

}  // namespace btfs
