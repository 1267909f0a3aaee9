// Counts users of an object; its owner waits until the count is zero.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

#include "cache/disk/task.hpp"

namespace btfs {

/// Counts tokens. A token may be made while another exists, so that work which begets work is waited for as a
/// whole.
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
            Task then;
            {
                // Under the lock to the end: the waiter may destroy the count as soon as it sees zero.
                std::lock_guard lock(count_->mutex_);
                if (--count_->uses_ > 0) return;
                count_->unused_.notify_all();
                std::swap(then, count_->then_);
            }
            if (then) then();
        }

      private:
        friend class UseCount;
        UseCount* count_ = nullptr;
    };

    Token use() { return Token(*this); }
    /// No token: when_unused() was called, and nobody uses it any more.
    std::optional<Token> use_unless_ended() {
        {
            std::lock_guard lock(mutex_);
            if (ended_ && uses_ == 0) return std::nullopt;
            ++uses_;
        }
        Token token;
        token.count_ = this;
        return token;
    }
    /// Calls `then` once when nobody uses it: here and now, or on the thread that gives back the last token.
    void when_unused(Task then) {
        {
            std::lock_guard lock(mutex_);
            ended_ = true;
            if (uses_ > 0) {
                then_ = std::move(then);
                return;
            }
        }
        then();
    }
    void wait_until_unused() {
        std::unique_lock lock(mutex_);
        unused_.wait(lock, [this] { return uses_ == 0; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable unused_;
    // Guarded by mutex_:
    std::size_t uses_ = 0;
    bool ended_ = false;
    Task then_;
};

}  // namespace btfs
