#include "cli/one_line.hpp"

namespace btfs::cli {
namespace {

constexpr std::size_t kMaxForeignText = 300;

}  // namespace

std::string one_line(std::string_view text) {
    std::string line(text.substr(0, kMaxForeignText));
    for (char& c : line)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return line;
}

}  // namespace btfs::cli
