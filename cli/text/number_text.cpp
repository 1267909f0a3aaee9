#include "cli/text/number_text.hpp"

#include <charconv>

namespace btfs::cli {

std::optional<double> parse_number(const std::string& text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || !(number >= 0)) return std::nullopt;
    return number;
}

}  // namespace btfs::cli
