// ProgressBar: drawn on a terminal, and not in a pipe.
#pragma once

#include <cstdint>
#include <string>

#include "cli/text/terminal_line.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {

class ProgressBar {
  public:
    ProgressBar(std::string label, std::uint64_t total);
    void update(std::uint64_t done);

  private:
    const std::string label_;
    const std::uint64_t total_;
    TerminalLine line_;
    TimePoint shown_{};
};

}  // namespace btfs::cli
