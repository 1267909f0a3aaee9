// Event queue of virtual time.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "engine/core/time.hpp"

namespace btfs::sim {

/// Events in the order of their times; those of one time in the order in which they were made, so that a
/// simulation repeats exactly. The clock starts at an hour and moves only with events.
class EventQueue {
  public:
    TimePoint now() const { return now_; }
    /// Events that wait.
    std::size_t size() const { return heap_.size(); }

    void at(TimePoint when, std::function<void()> event) {
        heap_.push_back({std::max(when, now_), next_++, std::move(event)});
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    void after(Duration delay, std::function<void()> event) { at(now_ + delay, std::move(event)); }

    /// Runs the next event, if it comes before `end`; else moves the clock there and gives false.
    bool step(TimePoint end) {
        if (heap_.empty() || heap_.front().at > end) {
            now_ = std::max(now_, end);
            return false;
        }
        std::pop_heap(heap_.begin(), heap_.end(), later);
        Event next = std::move(heap_.back());
        heap_.pop_back();
        now_ = next.at;
        next.call();
        return true;
    }

    /// Destroys all events, and those that their destruction creates. Called before the nodes are destroyed,
    /// since events hold buffers of theirs.
    void clear() {
        while (!heap_.empty()) std::exchange(heap_, {}).clear();
    }

  private:
    struct Event {
        TimePoint at;
        std::uint64_t number;
        std::function<void()> call;
    };
    static bool later(const Event& a, const Event& b) {
        return a.at != b.at ? a.at > b.at : a.number > b.number;
    }

    TimePoint now_ = TimePoint{} + std::chrono::hours(1);
    std::uint64_t next_ = 0;
    std::vector<Event> heap_;
};

}  // namespace btfs::sim
