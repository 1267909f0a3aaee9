// The log: one line for each event that a user or developer may want to read later.
//
// Callers see fmt's small header only. spdlog and the formatting code are compiled once, in log.cpp.
#pragma once

#include <fmt/core.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace btfs::log {

enum class Level : std::uint8_t { trace, debug, info, warn, error, off };

/// The level of this name, as "warn"; info if there is none.
Level level_of(std::string_view name);

struct Target {
    std::string file;                               ///< lines are appended to it; empty: none
    Level least = Level::info;                      ///< lines below this level are dropped
    std::optional<Level> on_stderr = Level::trace;  ///< the lines from this level on go to stderr, too
    /// Makes text that others sent fit to be shown; each line passes through it. Null: lines are written as
    /// they are.
    std::string (*made_safe)(std::string_view) = nullptr;
    /// Name under which lines go to the system's log (syslog, which journald takes, too); empty: they do not.
    std::string in_syslog_as = {};
    /// A thread of its own writes the lines, so that no other waits for a terminal that is not read or a disk
    /// that hangs; lines beyond LineWriter::kMaxBytes are dropped and counted. exit() waits for them, for
    /// kPatience. Else write() itself writes. Not before a fork().
    bool queued = false;
};

/// How long the end of the process waits for a log that is not taken.
inline constexpr std::chrono::milliseconds kPatience{1000};

/// Replaces the target, which is stderr at level info until then. Throws std::runtime_error if the file
/// cannot be opened. Every target stays usable until the process has ended, also for a thread that outlives
/// main().
void open(const Target& target);

/// Opens the target's file anew under its name, as after it was renamed, for the lines that follow. If that
/// fails lines go on to the old one, and one of them says why. On any thread.
void reopen();

/// Waits until the lines that were queued so far are written, for kPatience at most. Returns true if they
/// are.
bool wait_until_written();

/// Formats and writes one line, if the target takes lines of this level. Threads may call it at the same
/// time.
void write(Level level, fmt::string_view format, fmt::format_args arguments);

template <class... Args>
void at(Level level, fmt::format_string<Args...> format, Args&&... args) {
    write(level, format, fmt::make_format_args(args...));
}

template <class... Args>
void trace(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::trace, format, fmt::make_format_args(args...));
}

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::debug, format, fmt::make_format_args(args...));
}

template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::info, format, fmt::make_format_args(args...));
}

template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::warn, format, fmt::make_format_args(args...));
}

template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::error, format, fmt::make_format_args(args...));
}

}  // namespace btfs::log
