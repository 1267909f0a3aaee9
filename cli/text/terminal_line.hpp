// TerminalLine: a line on a terminal that is drawn again and again; nothing is written to a pipe.
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
    /// Another program has the terminal now: neither writes nor wipes any more.
    void abandon() { on_terminal_ = false; }

  private:
    bool on_terminal_;
};

}  // namespace btfs::cli
