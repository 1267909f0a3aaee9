// Memory for JSON that others send: a small text may stand for a large value.
#pragma once

#include <boost/json/memory_resource.hpp>
#include <cstddef>
#include <new>

namespace btfs::cli {

/// Gives so many bytes, and then throws std::bad_alloc. Outlives the values that are in it.
class BoundedMemory final : public boost::json::memory_resource {
  public:
    explicit BoundedMemory(std::size_t limit) : left_(limit) {}

  private:
    /// Nothing in JSON is aligned more than operator new aligns.
    void* do_allocate(std::size_t size, std::size_t /*alignment*/) override {
        if (size > left_) throw std::bad_alloc();
        left_ -= size;
        return ::operator new(size);
    }
    void do_deallocate(void* memory, std::size_t size, std::size_t /*alignment*/) override {
        left_ += size;
        ::operator delete(memory);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

    std::size_t left_;
};

}  // namespace btfs::cli
