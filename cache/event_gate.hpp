// Gate for events from a store's threads to the engine, which may be shut at any moment.
#pragma once

#include <mutex>
#include <utility>

#include "cache/disk/use_count.hpp"
#include "engine/storage.hpp"

namespace btfs {

/// Knows the receiver. send() calls from any thread and holds no lock meanwhile; after detach() returned
/// no call is under way and none begins.
class EventGate {
  public:
    void attach(StorageEvents& events) {
        std::lock_guard lock(mutex_);
        events_ = &events;
    }

    /// Not to be called from inside an event: it would wait for itself.
    void detach() {
        {
            std::lock_guard lock(mutex_);
            events_ = nullptr;
        }
        calls_.wait_until_unused();
    }

    /// Calls `event` with the StorageEvents, or does nothing if nobody is attached.
    template <class F>
    void send(F&& event) {
        UseCount::Token token;
        StorageEvents* events = nullptr;
        {
            std::lock_guard lock(mutex_);
            if (!events_) return;
            events = events_;
            token = calls_.use();  // a leaf: UseCount calls nobody
        }
        std::forward<F>(event)(*events);
    }

  private:
    std::mutex mutex_;
    StorageEvents* events_ = nullptr;  // guarded by mutex_
    UseCount calls_;
};

}  // namespace btfs
