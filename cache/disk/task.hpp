// Call to be made once, later, perhaps on another thread.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace btfs {

/// A void() callable that may own what can only be moved (std::function wants copies; C++20 has no
/// std::move_only_function).
class Task {
  public:
    Task() = default;
    template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Task> && std::is_invocable_v<F&>) Task(F call)
        : call_(std::make_unique<Holder<F>>(std::move(call))) {}

    explicit operator bool() const { return call_ != nullptr; }
    void operator()() { call_->run(); }

  private:
    struct Callable {
        virtual ~Callable() = default;
        virtual void run() = 0;
    };
    template <class F>
    struct Holder final : Callable {
        explicit Holder(F f) : call(std::move(f)) {}
        void run() override { call(); }
        F call;
    };

    std::unique_ptr<Callable> call_;
};

}  // namespace btfs
