// The terminal, full of one grid: the one place that knows ncurses.
#pragma once

#include <signal.h>

#include <optional>

#include "cache/disk/file_descriptor.hpp"
#include "cli/view/grid.hpp"
#include "cli/view/keys.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {

/// True if stdin and stdout are a terminal that can place text: $TERM is neither empty nor "dumb".
bool is_full_terminal();

/// Takes the terminal's screen, and blocks the signals that end the process or tell of another size: wait()
/// tells of them. The destructor gives both back. Constructed before the process has other threads. With
/// NO_COLOR in the environment there are no colours.
class Terminal {
  public:
    /// Throws Failure if the terminal is of no known kind.
    Terminal();
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    struct Size {
        int width = 80, height = 24;
    };
    /// As it is now.
    Size size();
    void show(const Grid& grid);

    enum class Woken { key, event, resized, told_to_end, timed_out };
    /// Waits for a key, for the descriptor `event` to become readable, for a signal, or for so long at most.
    Woken wait(int event, Duration at_most);
    /// Takes a key that has been pressed; nothing if there is none, or none that is known.
    std::optional<KeyPress> take_key();
    /// True while there are keys to take.
    bool has_key();

  private:
    void* screen_;  ///< ncurses' SCREEN
    bool has_colours_ = false;
    sigset_t earlier_mask_{};
    FileDescriptor signals_;
    std::optional<int> next_;  ///< a key that has_key() has read, as ncurses has it
    bool next_is_character_ = false;
};

}  // namespace btfs::cli
