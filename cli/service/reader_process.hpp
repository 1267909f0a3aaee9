// Process that reads a file.
#pragma once

#include <sys/types.h>

#include <string>

namespace btfs::cli {

struct ReaderProcess {
    pid_t id = 0;
    std::string name = {};  ///< as /proc has it; empty if the process has gone. Any bytes
};

/// Looks up in /proc which process a thread belongs to. A thread that has gone counts as a process of its
/// own.
ReaderProcess reader_process(pid_t thread);

}  // namespace btfs::cli
