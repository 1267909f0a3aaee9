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
    for (std::size_t at = number & (table_.size() - 1);; at = (at + 1) & (table_.size() - 1)) {
        if (table_[at] == number) return false;
        if (table_[at] != 0) continue;
        table_[at] = number;
        return true;
    }
}

void InodeNumbers::grow() {
    const std::vector<std::uint64_t> before =
        std::exchange(table_, std::vector<std::uint64_t>(table_.empty() ? 16 : 2 * table_.size()));
    for (std::uint64_t number : before) {
        if (number != 0) insert(number);
    }
}

}  // namespace btfs
