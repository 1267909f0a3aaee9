#include "cli/service/reader_process.hpp"

#include <fstream>
#include <limits>

namespace btfs::cli {
namespace {

pid_t process_of(pid_t thread) {
    std::ifstream file("/proc/" + std::to_string(thread) + "/status");
    for (std::string key; file >> key; file.ignore(std::numeric_limits<std::streamsize>::max(), '\n'))
        if (pid_t process = 0; key == "Tgid:" && file >> process) return process;
    return thread;
}

}  // namespace

ReaderProcess reader_process(pid_t thread) {
    ReaderProcess process{.id = process_of(thread)};
    std::ifstream file("/proc/" + std::to_string(process.id) + "/comm");
    std::getline(file, process.name);
    return process;
}

}  // namespace btfs::cli
