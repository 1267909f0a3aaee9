#include "cli/view/rate_history.hpp"

#include <algorithm>
#include <array>

namespace btfs::cli {

void RateHistory::add(std::uint64_t rate) {
    rates_.push_back(rate);
    if (rates_.size() > kMaxKept) rates_.pop_front();
}

std::string RateHistory::sparkline(std::size_t columns) const {
    constexpr std::array<const char*, 8> kBars{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const std::size_t shown = std::min(columns, rates_.size());
    const auto first = rates_.end() - static_cast<std::ptrdiff_t>(shown);
    const std::uint64_t highest = shown == 0 ? 0 : *std::max_element(first, rates_.end());
    std::string line;
    for (auto rate = first; rate != rates_.end(); ++rate) {
        if (*rate == 0) {
            line += ' ';
            continue;
        }
        const double part = static_cast<double>(*rate) / static_cast<double>(highest);
        line += kBars[std::min<std::size_t>(7, static_cast<std::size_t>(part * 8))];
    }
    return line + std::string(columns - shown, ' ');
}

}  // namespace btfs::cli
