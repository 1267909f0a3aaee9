// Exit codes of the process.
#pragma once

namespace btfs::cli {

inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;      ///< the command has failed; one line on stderr says why
inline constexpr int kUsage = 2;        ///< the command line is wrong
inline constexpr int kNotAllThere = 3;  ///< mounted, but --wait has ended before all files were visible
inline constexpr int kDamageFound = 4;  ///< `btfs cache verify` has found content that is damaged

}  // namespace btfs::cli
