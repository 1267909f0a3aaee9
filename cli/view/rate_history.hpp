// History of a rate, and its picture in one line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace btfs::cli {

class RateHistory {
  public:
    static constexpr std::size_t kMaxKept = 120;

    void add(std::uint64_t rate);
    /// The newest `columns` values, the newest at the end, as bars of `▁` to `█`: the highest of them is a
    /// full bar, and a rate of 0 a blank. Blanks follow while there are fewer values.
    std::string sparkline(std::size_t columns) const;

  private:
    std::deque<std::uint64_t> rates_;
};

}  // namespace btfs::cli
