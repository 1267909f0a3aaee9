#include "fs/inode_numbers.hpp"

#include <utility>

namespace btfs {

std::uint64_t InodeNumbers::claim(std::uint64_t hash) {
    std::lock_guard lock(mutex_);
    if (2 * (used_ + 1) > table_.size()) grow();
    std::uint64_t number = hash & mask_;
    while (number < kFirst || !insert(number)) number = (number + 1) & mask_;
    ++used_;
    return number;
}

// Numbers are hashes already, so that their low bits choose the place.
bool InodeNumbers::insert(std::uint64_t number) {
    for (std::size_t at = place_of(number);; at = next(at)) {
        if (table_[at] == number) return false;
        if (table_[at] != 0) continue;
        table_[at] = number;
        return true;
    }
}

void InodeNumbers::release(std::uint64_t number) {
    std::lock_guard lock(mutex_);
    if (table_.empty()) return;
    std::size_t free = place_of(number);
    while (table_[free] != number) {
        if (table_[free] == 0) return;
        free = next(free);
    }
    --used_;
    // Those that stand behind it because their places were taken move up, or they would not be found.
    const std::size_t mask = table_.size() - 1;
    for (std::size_t at = next(free); table_[at] != 0; at = next(at)) {
        const std::size_t wanted = place_of(table_[at]);
        if (((at - wanted) & mask) < ((at - free) & mask)) continue;
        table_[free] = table_[at];
        free = at;
    }
    table_[free] = 0;
}

void InodeNumbers::grow() {
    const std::vector<std::uint64_t> before =
        std::exchange(table_, std::vector<std::uint64_t>(table_.empty() ? 16 : 2 * table_.size()));
    for (std::uint64_t number : before) {
        if (number != 0) insert(number);
    }
}

}  // namespace btfs
