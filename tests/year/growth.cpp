#include "tests/year/growth.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// GCC ships no header for it.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace btfs::year {
namespace {

constexpr std::size_t kFewestPeriods = 8;

std::size_t entries_of(const char* folder) {
    const std::filesystem::directory_iterator begin(folder);
    return static_cast<std::size_t>(std::distance(begin, {}));
}

}  // namespace

void Growth::note(std::string_view name, double value, double margin) {
    auto found = std::ranges::find(quantities_, name, &Quantity::name);
    if (found == quantities_.end())
        found = quantities_.insert(found, Quantity{std::string(name), margin, {}});
    found->values.push_back(value);
}

double Growth::Quantity::median_of_quarter(std::size_t quarter) const {
    const auto at = [&](std::size_t q) {
        return values.begin() + static_cast<std::ptrdiff_t>(values.size() * q / 4);
    };
    std::vector<double> part(at(quarter), at(quarter + 1));
    if (part.empty()) return 0;
    std::ranges::sort(part);
    return part[part.size() / 2];
}

std::vector<std::string> Growth::complaints() const {
    std::vector<std::string> lines;
    for (const Quantity& quantity : quantities_) {
        if (quantity.values.size() < kFewestPeriods) continue;
        const double before = quantity.median_of_quarter(1), after = quantity.median_of_quarter(3);
        if (after <= before + quantity.margin) continue;
        char line[200];
        std::snprintf(line, sizeof line,
                      "%s grows: %.0f in the second quarter, %.0f in the last, margin %.0f",
                      quantity.name.c_str(), before, after, quantity.margin);
        lines.emplace_back(line);
    }
    return lines;
}

std::string Growth::summary() const {
    std::string text;
    for (const Quantity& quantity : quantities_) {
        if (quantity.values.empty()) continue;
        char line[200];
        std::snprintf(line, sizeof line,
                      "%-32s second quarter %11.0f  last %11.0f  most %11.0f  margin %9.0f\n",
                      quantity.name.c_str(), quantity.median_of_quarter(1), quantity.median_of_quarter(3),
                      std::ranges::max(quantity.values), quantity.margin);
        text += line;
    }
    return text;
}

double heap_in_use() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return static_cast<double>(__sanitizer_get_current_allocated_bytes());
#else
    malloc_trim(0);
    const struct mallinfo2 info = mallinfo2();
    return static_cast<double>(info.uordblks + info.hblkhd);
#endif
}

std::size_t open_descriptors() {
    return entries_of("/proc/self/fd");
}

std::size_t threads() {
    return entries_of("/proc/self/task");
}

}  // namespace btfs::year
