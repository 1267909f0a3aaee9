// Links in a text, one on a line.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/text/trimmed.hpp"

namespace btfs::cli {

// Bounds of what is added at once: bytes of a *.magnet file, and links in it.
inline constexpr std::size_t kMaxLinkFile = 1 << 20;
inline constexpr std::size_t kMaxLinks = 10'000;

/// Returns the lines of the text that are not empty, without space around them.
inline std::vector<std::string> link_lines(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (const std::string_view link = trimmed(line); !link.empty()) lines.emplace_back(link);
    }
    return lines;
}

}  // namespace btfs::cli
