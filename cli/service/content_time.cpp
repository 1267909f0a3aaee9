#include "cli/service/content_time.hpp"

namespace btfs::cli {
namespace {

constexpr std::int64_t kDay = 24 * 60 * 60;       // tolerance for clocks that differ
constexpr std::int64_t kInvention = 994'032'000;  // 2001-07-02: no torrent is older

}  // namespace

std::optional<std::int64_t> creation_time(std::int64_t creation_date, std::int64_t now) {
    const std::int64_t latest = now + kDay;
    if (creation_date > 0 && creation_date <= latest) return creation_date;
    const std::int64_t from_milliseconds = creation_date / 1000;
    if (from_milliseconds >= kInvention && from_milliseconds <= latest) return from_milliseconds;
    return std::nullopt;
}

}  // namespace btfs::cli
