#include "cli/view/short_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

#include "cli/view/grid.hpp"

namespace btfs::cli {

std::string short_size(std::uint64_t bytes) {
    constexpr const char* kUnits[] = {"", "K", "M", "G", "T", "P", "E"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < std::size(kUnits)) {
        value /= 1024;
        ++unit;
    }
    if (unit == 0) return fmt::format("{}", bytes);
    return value < 9.95 ? fmt::format("{:.1f}{}", value, kUnits[unit])
                        : fmt::format("{:.0f}{}", value, kUnits[unit]);
}

std::string short_rate(std::uint64_t bytes_per_second) {
    return bytes_per_second == 0 ? "-" : short_size(bytes_per_second);
}

std::string short_time(double seconds) {
    const auto whole = static_cast<std::uint64_t>(std::max(0.0, seconds));
    if (seconds < 9.95) return fmt::format("{:.1f} s", std::max(0.0, seconds));
    if (whole < 120) return fmt::format("{} s", whole);
    if (whole < 7200) return fmt::format("{} min", whole / 60);
    if (whole < 172'800) return fmt::format("{} h {:02}", whole / 3600, whole / 60 % 60);
    return fmt::format("{} d {} h", whole / 86'400, whole / 3600 % 24);
}

std::string short_percent(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return "-";
    if (part >= whole) return "100%";
    if (part == 0) return "0%";
    const double percent = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    return fmt::format("{}%", std::clamp(static_cast<int>(percent), 1, 99));
}

std::string short_path(std::string_view path, int columns) {
    if (column_count(path) <= columns) return std::string(path);
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
        const std::string_view rest = path.substr(slash);
        if (slash > 0 && 1 + column_count(rest) <= columns) return fmt::format("…{}", rest);
    }
    return std::string(path.substr(path.rfind('/') + 1));
}

std::string flag_letters(std::span<const std::string> flags) {
    const auto has = [&](std::string_view flag) { return std::ranges::find(flags, flag) != flags.end(); };
    std::string letters;
    if (has("interesting")) letters += has("chokes_us") ? 'd' : 'D';
    if (has("interested")) letters += has("choked") ? 'u' : 'U';
    if (has("incoming")) letters += 'I';
    if (has("encrypted")) letters += 'E';
    if (has("utp")) letters += 'P';
    if (has("web_seed")) letters += 'W';
    if (has("snubbed")) letters += 'S';
    return letters.empty() ? "-" : letters;
}

}  // namespace btfs::cli
