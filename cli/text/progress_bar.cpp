#include "cli/text/progress_bar.hpp"

#include <algorithm>
#include <utility>

namespace btfs::cli {
namespace {

constexpr int kWidth = 40;
constexpr Duration kInterval = 100ms;

}  // namespace

ProgressBar::ProgressBar(std::string label, std::uint64_t total) : label_(std::move(label)), total_(total) {}

void ProgressBar::update(std::uint64_t done) {
    const TimePoint now = Clock::now();
    if (!line_.on_terminal() || total_ == 0 || now - shown_ < kInterval) return;
    shown_ = now;
    done = std::min(done, total_);
    const int filled = static_cast<int>(done * kWidth / total_);
    const std::string bar = std::string(static_cast<std::size_t>(filled), '#') +
                            std::string(static_cast<std::size_t>(kWidth - filled), '.');
    line_.show(label_ + " [" + bar + "] " + std::to_string(done * 100 / total_) + " %");
}

}  // namespace btfs::cli
