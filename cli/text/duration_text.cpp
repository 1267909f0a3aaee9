#include "cli/text/duration_text.hpp"

#include <charconv>

namespace btfs::cli {
namespace {

constexpr double kLongest_s = 100.0 * 365 * 24 * 3600;

/// Returns 0 if there is no such unit.
double seconds_in(std::string_view unit) {
    if (unit.empty() || unit == "s") return 1;
    if (unit == "m") return 60;
    if (unit == "h") return 3600;
    if (unit == "d") return 24 * 3600;
    return 0;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    const double factor = seconds_in(text.substr(static_cast<std::size_t>(end - text.data())));
    if (factor == 0 || !(number >= 0) || number * factor > kLongest_s) return std::nullopt;
    return from_seconds(number * factor);
}

}  // namespace btfs::cli
