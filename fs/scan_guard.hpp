// Rate limit for what is fetched when a file is opened: tells a viewer from a program that scans all files.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/core/time.hpp"

namespace btfs {

/// Admits a few files that are opened in a row, and of more one in kRefill. Two openings do not count: of a
/// file that was admitted lately, since players open a file twice and each request of an HTTP client is an
/// opening; and of a file that is read on, since `cp -r` is no scan. Not thread-safe.
class ScanGuard {
  public:
    static constexpr double kBurst = 4;
    static constexpr Duration kRefill = std::chrono::seconds(2);
    static constexpr std::size_t kRemembered = 8;

    /// A file is opened. False: it looks like one of many.
    bool admits(std::uint64_t inode, TimePoint now) {
        left_ = std::min(kBurst, left_ + seconds(now - last_) / seconds(kRefill));
        last_ = now;
        if (left_ >= kBurst) {
            for (Admitted& file : admitted_) file.counts = false;
        }
        if (std::ranges::find(admitted_, inode, &Admitted::inode) != admitted_.end()) return true;
        if (left_ < 1) return false;
        left_ -= 1;
        admitted_[next_++ % kRemembered] = {inode, true};
        return true;
    }
    /// The reader of an opened file has gone beyond what a scan looks at. Takes back what its opening
    /// counted: nothing if it was not admitted, if that was taken back before, or if time has made good for
    /// it.
    void on_read_on(std::uint64_t inode) {
        const auto found = std::ranges::find(admitted_, inode, &Admitted::inode);
        if (found != admitted_.end() && std::exchange(found->counts, false))
            left_ = std::min(kBurst, left_ + 1);
    }

  private:
    struct Admitted {
        std::uint64_t inode = 0;  ///< 0: none
        bool counts = false;      ///< one of kBurst is missing for it
    };

    double left_ = kBurst;
    TimePoint last_{};
    std::array<Admitted, kRemembered> admitted_{};
    std::size_t next_ = 0;
};

}  // namespace btfs
