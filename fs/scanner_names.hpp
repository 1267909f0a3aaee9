// Names of programs that look into files without showing them.
#pragma once

#include <string_view>

namespace btfs {

/// True if a process of this name, as the kernel has it in /proc/PID/comm (cut to 15 bytes), is a
/// thumbnailer, an indexer, or reads what a file is. A hint: names can be anything.
bool is_scanner(std::string_view process);

}  // namespace btfs
