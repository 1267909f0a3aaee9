#include "cli/progress_bar.hpp"

#include <unistd.h>

#include <cstdio>

namespace btfs::cli {
namespace {

constexpr int kWidth = 40;
constexpr Duration kInterval = 100ms;

}  // namespace

ProgressBar::ProgressBar(std::string label, std::uint64_t total)
    : label_(std::move(label)), total_(total), on_terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
    if (on_terminal_) std::fputs("\r\033[K", stderr);
}

void ProgressBar::update(std::uint64_t done) {
    const TimePoint now = Clock::now();
    if (!on_terminal_ || total_ == 0 || now - shown_ < kInterval) return;
    shown_ = now;
    const int filled = static_cast<int>(done * kWidth / total_);
    const std::string bar = std::string(static_cast<std::size_t>(filled), '#') +
                            std::string(static_cast<std::size_t>(kWidth - filled), '.');
    std::fprintf(stderr, "\r%s [%s] %3d %%", label_.c_str(), bar.c_str(),
                 static_cast<int>(done * 100 / total_));
    std::fflush(stderr);
}

}  // namespace btfs::cli
