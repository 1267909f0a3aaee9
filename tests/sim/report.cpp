#include "tests/sim/report.hpp"

#include <algorithm>
#include <cstdio>

namespace btfs::sim {

double percentile(std::vector<double> values, double share) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

std::string table_head() {
    return "| family | swarms | first byte, ms: p50, p95 | seek / limit, 0.2 s apart: p50, p95 | "
           "after 2 s: p50, p95 | film: stalls, stalled | copy / capacity: read, received | twice | unasked "
           "| violations |\n"
           "|---|---|---|---|---|---|---|---|---|---|\n";
}

std::string table_row(const Family& family, std::span<const VisitResult> results) {
    std::vector<double> first, soon, idle, copied, arrived;
    double played = 0, stalled = 0, twice = 0, unasked = 0, received = 0;
    int stalls = 0;
    std::size_t violations = 0;
    for (const VisitResult& r : results) {
        first.push_back(1000 * seconds(r.first_byte));
        soon.insert(soon.end(), r.soon_seeks.begin(), r.soon_seeks.end());
        idle.insert(idle.end(), r.idle_seeks.begin(), r.idle_seeks.end());
        if (r.copy.capacity > 0) {
            copied.push_back(r.copy.bytes_per_second / r.copy.capacity);
            arrived.push_back(r.copy.received_per_second / r.copy.capacity);
        }
        played += seconds(r.film.played);
        stalled += seconds(r.film.stalled);
        stalls += r.film.stalls;
        twice += static_cast<double>(r.wire.twice);
        unasked += static_cast<double>(r.wire.unasked);
        received += static_cast<double>(r.wire.received());
        violations += r.violations.size();
    }
    char row[512];
    std::snprintf(
        row, sizeof(row),
        "| %.*s | %zu | %.0f, %.0f | %.2f, %.2f | %.2f, %.2f | %d, %.1f %% | %.2f, %.2f | %.2f %% | "
        "%.2f %% | %zu |\n",
        static_cast<int>(family.name.size()), family.name.data(), results.size(), percentile(first, 0.5),
        percentile(first, 0.95), percentile(soon, 0.5), percentile(soon, 0.95), percentile(idle, 0.5),
        percentile(idle, 0.95), stalls, 100 * stalled / std::max(1e-9, played + stalled),
        percentile(copied, 0.5), percentile(arrived, 0.5), 100 * twice / std::max(1.0, received),
        100 * unasked / std::max(1.0, received), violations);
    return row;
}

}  // namespace btfs::sim
