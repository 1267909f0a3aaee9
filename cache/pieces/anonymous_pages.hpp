// Memory straight from the kernel, given back as a whole or page by page.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace btfs {

/// Whole pages, zeros at first. Throws std::bad_alloc.
class AnonymousPages {
  public:
    AnonymousPages() = default;
    explicit AnonymousPages(std::size_t capacity);
    AnonymousPages(AnonymousPages&& other) noexcept : pages_(std::exchange(other.pages_, {})) {}
    AnonymousPages& operator=(AnonymousPages&& other) noexcept {
        std::swap(pages_, other.pages_);
        return *this;
    }
    ~AnonymousPages();

    /// `size`, rounded up to whole pages.
    static std::size_t whole_pages(std::size_t size);

    explicit operator bool() const { return pages_.data() != nullptr; }
    std::size_t capacity() const { return pages_.size(); }
    std::span<std::byte> first(std::size_t size) const { return pages_.first(size); }
    /// Gives the memory of the pages that lie wholly in the part back: they are zeros when next touched.
    void drop(std::span<std::byte> part);

  private:
    std::span<std::byte> pages_;
};

}  // namespace btfs
