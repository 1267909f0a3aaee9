// A line on a terminal that changes, and nothing in a pipe.
#pragma once

#include <string_view>

namespace btfs::cli {

class TerminalLine {
  public:
    TerminalLine();
    /// Wipes the line.
    ~TerminalLine();
    TerminalLine(const TerminalLine&) = delete;
    TerminalLine& operator=(const TerminalLine&) = delete;

    bool on_terminal() const { return on_terminal_; }
    void show(std::string_view text);
    void wipe();
    /// The terminal is somebody else's now: nothing more is written, nor wiped.
    void abandon() { on_terminal_ = false; }

  private:
    bool on_terminal_;
};

}  // namespace btfs::cli
