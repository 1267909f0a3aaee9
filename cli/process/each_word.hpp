// Carries out a command for each of its words, and gathers their failures.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace btfs::cli {

/// Calls `act` with each word, and returns the exit code. A Failure of one word of several is printed, and
/// the others have their turn; that of the only word is thrown on.
int each_word(const std::vector<std::string>& words, const std::function<void(const std::string&)>& act);

}  // namespace btfs::cli
