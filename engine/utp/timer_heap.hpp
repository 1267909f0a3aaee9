// Heap of connections by the time at which each wants to be called.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "engine/core/time.hpp"

namespace btfs::utp {

/// T has a member `timer` of type TimerHeap<T>::Entry. No allocation but for its vector.
template <class T>
class TimerHeap {
  public:
    struct Entry {
        TimePoint at = kNever;
        std::size_t place = kOut;
    };

    TimePoint next() const { return heap_.empty() ? kNever : heap_[0]->timer.at; }
    /// The first whose time has come, or null.
    T* due(TimePoint now) const { return next() <= now ? heap_[0] : nullptr; }

    void set(T& item, TimePoint at) {
        Entry& entry = item.timer;
        if (entry.at == at) return;
        if (at == kNever) return remove(item);
        entry.at = at;
        if (entry.place == kOut) {
            entry.place = heap_.size();
            heap_.push_back(&item);
        }
        down(up(entry.place));
    }
    void remove(T& item) {
        const std::size_t place = std::exchange(item.timer.place, kOut);
        item.timer.at = kNever;
        if (place == kOut) return;
        T* last = heap_.back();
        heap_.pop_back();
        if (last == &item) return;
        put(place, last);
        down(up(place));
    }

  private:
    static constexpr std::size_t kOut = static_cast<std::size_t>(-1);

    void put(std::size_t place, T* item) {
        heap_[place] = item;
        item->timer.place = place;
    }
    std::size_t up(std::size_t place) {
        T* item = heap_[place];
        while (place > 0 && item->timer.at < heap_[(place - 1) / 2]->timer.at) {
            put(place, heap_[(place - 1) / 2]);
            place = (place - 1) / 2;
        }
        put(place, item);
        return place;
    }
    void down(std::size_t place) {
        T* item = heap_[place];
        for (;;) {
            std::size_t child = 2 * place + 1;
            if (child >= heap_.size()) break;
            if (child + 1 < heap_.size() && heap_[child + 1]->timer.at < heap_[child]->timer.at) ++child;
            if (item->timer.at <= heap_[child]->timer.at) break;
            put(place, heap_[child]);
            place = child;
        }
        put(place, item);
    }

    std::vector<T*> heap_;
};

}  // namespace btfs::utp
