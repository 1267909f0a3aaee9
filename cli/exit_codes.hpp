// Exit codes of the process.
#pragma once

namespace btfs::cli {

inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;      ///< what was asked for could not be done; one line on stderr says why
inline constexpr int kUsage = 2;        ///< the command line is wrong
inline constexpr int kNotAllThere = 3;  ///< it is mounted, but --wait has ended before all files were visible

}  // namespace btfs::cli
