#include "cache/pieces/anonymous_pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <new>

#include "engine/core/types.hpp"

namespace btfs {
namespace {

std::size_t page_size() {
    static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return size;
}

}  // namespace

std::size_t AnonymousPages::whole_pages(std::size_t size) {
    return std::max<std::size_t>(units_for(size, page_size()), 1) * page_size();
}

AnonymousPages::AnonymousPages(std::size_t capacity) {
    void* begin = mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED) throw std::bad_alloc();
    pages_ = {static_cast<std::byte*>(begin), capacity};
}

AnonymousPages::~AnonymousPages() {
    if (pages_.data()) munmap(pages_.data(), pages_.size());
}

void AnonymousPages::drop(std::span<std::byte> part) {
    const auto begin = static_cast<std::size_t>(part.data() - pages_.data());
    const std::size_t first = units_for(begin, page_size()) * page_size();
    const std::size_t last = (begin + part.size()) / page_size() * page_size();
    if (first < last) madvise(pages_.data() + first, last - first, MADV_DONTNEED);
}

}  // namespace btfs
