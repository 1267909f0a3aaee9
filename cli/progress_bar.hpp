// A progress bar on a terminal, and nothing in a pipe.
#pragma once

#include <cstdint>
#include <string>

#include "engine/core/time.hpp"

namespace btfs::cli {

class ProgressBar {
  public:
    ProgressBar(std::string label, std::uint64_t total);
    /// Wipes the bar.
    ~ProgressBar();
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void update(std::uint64_t done);

  private:
    const std::string label_;
    const std::uint64_t total_;
    const bool on_terminal_;
    TimePoint shown_{};
};

}  // namespace btfs::cli
