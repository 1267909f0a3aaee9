#include "tests/sim/report.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

namespace btfs::sim {
namespace {

constexpr double kMiB = 1 << 20;

double mib(std::uint64_t bytes) {
    return static_cast<double>(bytes) / kMiB;
}

/// Content that came over the wire in all runs, and how much of it in vain.
struct WireSum {
    void add(const WireTotals& wire) {
        twice += static_cast<double>(wire.twice);
        unasked += static_cast<double>(wire.unasked);
        received += static_cast<double>(wire.received());
    }
    double percent_twice() const { return 100 * twice / std::max(1.0, received); }
    double percent_unasked() const { return 100 * unasked / std::max(1.0, received); }

    double twice = 0, unasked = 0, received = 0;
};

}  // namespace

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
    double played = 0, stalled = 0;
    WireSum wire;
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
        wire.add(r.wire);
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
        percentile(copied, 0.5), percentile(arrived, 0.5), wire.percent_twice(), wire.percent_unasked(),
        violations);
    return row;
}

std::string film_table_head() {
    return "| family | swarms | start, s: p50, p95 | worst jump, s: p50, p95 | stalls | stalled, s: p50, p95 "
           "| "
           "sent by us, MiB: p50 | to us, MiB: p50 | twice | unasked | violations |\n"
           "|---|---|---|---|---|---|---|---|---|---|---|\n";
}

std::string film_table_row(const Family& family, std::span<const FilmResult> results) {
    std::vector<double> start, jump, stalled, by_us, to_us;
    int stalls = 0;
    WireSum wire;
    std::size_t violations = 0;
    for (const FilmResult& r : results) {
        start.push_back(seconds(r.start));
        if (!r.jumps.empty()) jump.push_back(seconds(*std::ranges::max_element(r.jumps)));
        stalled.push_back(seconds(r.stalled));
        stalls += r.stalls;
        by_us.push_back(mib(r.sent_by_us()));
        to_us.push_back(mib(r.sent_to_us()));
        wire.add(r.wire);
        violations += r.violations.size();
    }
    char row[512];
    std::snprintf(
        row, sizeof(row),
        "| %.*s | %zu | %.2f, %.2f | %.2f, %.2f | %d | %.1f, %.1f | %.1f | %.1f | %.2f %% | %.2f %% | "
        "%zu |\n",
        static_cast<int>(family.name.size()), family.name.data(), results.size(), percentile(start, 0.5),
        percentile(start, 0.95), percentile(jump, 0.5), percentile(jump, 0.95), stalls,
        percentile(stalled, 0.5), percentile(stalled, 0.95), percentile(by_us, 0.5), percentile(to_us, 0.5),
        wire.percent_twice(), wire.percent_unasked(), violations);
    return row;
}

std::string trade_table_head() {
    return "| family | peers | of them | sent to one by us, MiB: mean | sent by one to us, MiB: mean |\n"
           "|---|---|---|---|---|\n";
}

std::string trade_table_rows(const Family& family, std::span<const FilmResult> results) {
    struct Sum {
        std::size_t peers = 0;
        double by_us = 0;
        double to_us = 0;
    };
    std::map<std::string, Sum> sums;
    for (const FilmResult& r : results) {
        for (const Trade& trade : r.trades) {
            Sum& sum = sums[trade.kind];
            ++sum.peers;
            sum.by_us += mib(trade.sent_by_us);
            sum.to_us += mib(trade.sent_to_us);
        }
    }
    std::string rows;
    for (const auto& [kind, sum] : sums) {
        const auto peers = static_cast<double>(sum.peers);
        char row[256];
        std::snprintf(row, sizeof(row), "| %.*s | %s | %zu | %.2f | %.2f |\n",
                      static_cast<int>(family.name.size()), family.name.data(), kind.c_str(), sum.peers,
                      sum.by_us / peers, sum.to_us / peers);
        rows += row;
    }
    return rows;
}

std::string crowd_table_head() {
    return "| clients | libtorrents | content, MiB | runs | bound, s | mean finish / bound, clients: p50, "
           "worst | "
           "libtorrents: p50, worst | last finish / bound: p50, worst | seeder sent / content: p50, worst | "
           "sent / "
           "received of one client: least, most | twice | unfinished | violations |\n"
           "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
}

std::string crowd_table_row(const CrowdOptions& options, std::span<const CrowdResult> results) {
    std::vector<double> mean, others, last, seeder, ratio;
    double twice = 0, received = 0, bound = 0;
    std::size_t unfinished = 0, violations = 0;
    for (const CrowdResult& r : results) {
        bound = seconds(r.bound);
        mean.push_back(seconds(r.mean_finish()) / bound);
        others.push_back(seconds(r.mean_finish(false)) / bound);
        last.push_back(seconds(r.last_finish()) / bound);
        seeder.push_back(r.seeder_sent);
        unfinished += r.unfinished();
        violations += r.violations.size();
        for (const CrowdResult::Member& member : r.members) {
            if (!member.is_client) continue;
            twice += static_cast<double>(member.wire.twice);
            received += static_cast<double>(member.wire.received());
            ratio.push_back(static_cast<double>(member.sent) /
                            std::max(1.0, static_cast<double>(member.wire.received())));
        }
    }
    char row[512];
    std::snprintf(
        row, sizeof(row),
        "| %zu%s | %zu | %.0f | %zu | %.1f | %.2f, %.2f | %.2f, %.2f | %.2f, %.2f | %.2f, %.2f | %.2f, "
        "%.2f | %.2f %% | %zu | %zu |\n",
        options.clients, options.one_subnet ? ", one subnet" : "", options.libtorrents, mib(options.size),
        results.size(), bound, percentile(mean, 0.5), percentile(mean, 1), percentile(others, 0.5),
        percentile(others, 1), percentile(last, 0.5), percentile(last, 1), percentile(seeder, 0.5),
        percentile(seeder, 1), percentile(ratio, 0), percentile(ratio, 1),
        100 * twice / std::max(1.0, received), unfinished, violations);
    return row;
}

}  // namespace btfs::sim
