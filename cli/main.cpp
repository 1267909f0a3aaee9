#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/standard_descriptors.hpp"
#include "cli/text/one_line.hpp"

int main(int argc, char** argv) {
    using namespace btfs::cli;
    if (!open_standard_descriptors()) return kFailure;
    try {
        return run(std::vector<std::string>(argv, argv + argc));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "btfs: %s\n", printable(e.what()).c_str());
        return kFailure;
    }
}
