// Text of other people's, fit to be shown.
#pragma once

#include <string>
#include <string_view>

namespace btfs::cli {

/// Without control characters, and not too much of it.
std::string one_line(std::string_view text);

}  // namespace btfs::cli
