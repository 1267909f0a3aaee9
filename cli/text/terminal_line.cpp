#include "cli/text/terminal_line.hpp"

#include <unistd.h>

#include <cstdio>

namespace btfs::cli {

TerminalLine::TerminalLine() : on_terminal_(isatty(STDERR_FILENO) == 1) {}

TerminalLine::~TerminalLine() {
    wipe();
}

void TerminalLine::show(std::string_view text) {
    if (!on_terminal_) return;
    std::fprintf(stderr, "\r%.*s\033[K", static_cast<int>(text.size()), text.data());
    std::fflush(stderr);
}

void TerminalLine::wipe() {
    show("");
}

}  // namespace btfs::cli
