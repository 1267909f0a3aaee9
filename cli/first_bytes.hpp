// FirstBytes: shows on a terminal what a player waits for, until it has its first bytes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "cli/text/terminal_line.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {

/// Asks the mount again and again who reads the file.
class FirstBytes {
  public:
    /// Between two looks.
    static constexpr Duration kLookAgain = std::chrono::milliseconds(300);

    /// `socket`: at which the mount can be asked; without one nothing is shown. `path` is the file's below
    /// the mountpoint.
    FirstBytes(std::optional<std::filesystem::path> socket, std::string path);

    /// Draws the line anew. Returns the time after which to look again; nothing once the player has its first
    /// bytes, or if the mount cannot be asked.
    std::optional<Duration> look();

  private:
    /// Returns the line; nothing if the player has its first bytes.
    std::optional<std::string> text() const;

    std::optional<std::filesystem::path> socket_;
    const std::string path_;
    TerminalLine line_;
};

}  // namespace btfs::cli
