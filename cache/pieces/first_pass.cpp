#include "cache/pieces/first_pass.hpp"

namespace btfs {

FirstPass::FirstPass(std::uint64_t total_size) : ahead_(units_for(total_size, kBlockSize)) {}

void FirstPass::arrived(ByteRange range) {
    const std::size_t first = range.begin / kBlockSize;
    std::lock_guard lock(mutex_);
    ahead_.assign(first, units_for(range.end, kBlockSize) - first, true);
}

bool FirstPass::passed(ByteRange range) {
    const std::size_t touched = range.begin / kBlockSize, touched_end = units_for(range.end, kBlockSize);
    const std::size_t first = units_for(range.begin, kBlockSize), end = range.end / kBlockSize;
    if (end <= first) return false;
    std::lock_guard lock(mutex_);
    if (!ahead_.all(touched, touched_end - touched)) return false;
    ahead_.assign(first, end - first, false);  // the next range begins in the unit where this one ends
    return true;
}

}  // namespace btfs
