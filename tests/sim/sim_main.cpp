// sim: runs swarms, families of them or crowds of clients, and prints the tables of tests/sim/README.md.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/report.hpp"
#include "tests/sim/trace.hpp"

namespace {

using namespace btfs;
using namespace btfs::sim;

/// Of a crowd's content; the pieces are smaller than 256 KiB if they would be fewer.
constexpr std::uint64_t kLeastPieces = 64;

struct Arguments {
    std::uint64_t first = 1;
    std::uint64_t last = 10;
    const Family* family = nullptr;
    CrowdOptions crowd{.clients = 0};  ///< of nobody: no crowd
    bool trace = false;
    bool each = false;
};

int usage() {
    std::fputs(
        "usage: sim [--seeds A-B] [--family NAME] [--each] [--trace]\n"
        "       sim [--seeds A-B] [--crowd CLIENTS] [--libtorrents COUNT] [--mib SIZE] [--one-subnet] "
        "[--each]\n"
        "  --each   a line for each seed\n"
        "  --trace  each request of one family's seeds: why, when it was expected, when it came\n"
        "  --crowd  clients, libtorrents or both, and one seeder, until all have 32 MiB, or SIZE\n"
        "families:\n",
        stderr);
    for (const std::span<const Family> all : {families(), leecher_families()})
        for (const Family& family : all)
            std::fprintf(stderr, "  %-14s %s\n", family.name.data(), family.description.data());
    return 2;
}

bool parse_seeds(const char* text, Arguments& arguments) {
    char* rest = nullptr;
    arguments.first = arguments.last = std::strtoull(text, &rest, 10);
    if (*rest == '-') arguments.last = std::strtoull(rest + 1, &rest, 10);
    return *rest == 0 && arguments.last >= arguments.first;
}

bool parse_count(const char* text, std::uint64_t least, std::uint64_t most, std::uint64_t& count) {
    char* rest = nullptr;
    count = std::strtoull(text, &rest, 10);
    return *rest == 0 && count >= least && count <= most;
}

bool parse(int argc, char** argv, Arguments& arguments) {
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "--trace") {
            arguments.trace = true;
            continue;
        }
        if (argument == "--each") {
            arguments.each = true;
            continue;
        }
        if (argument == "--one-subnet") {
            arguments.crowd.one_subnet = true;
            continue;
        }
        if (++i == argc) return false;
        const char* value = argv[i];
        std::uint64_t count = 0;
        if (argument == "--seeds") {
            if (!parse_seeds(value, arguments)) return false;
        } else if (argument == "--family") {
            arguments.family = family_named(value);
            if (!arguments.family) return false;
        } else if (argument == "--crowd") {
            if (!parse_count(value, 1, 10'000, count)) return false;
            arguments.crowd.clients = count;
        } else if (argument == "--libtorrents") {
            if (!parse_count(value, 1, 10'000, count)) return false;
            arguments.crowd.libtorrents = count;
        } else if (argument == "--mib") {
            if (!parse_count(value, 1, 1024, count)) return false;
            arguments.crowd.size = count << 20;
            while (arguments.crowd.size / arguments.crowd.piece_length < kLeastPieces)
                arguments.crowd.piece_length /= 2;
        } else {
            return false;
        }
    }
    if (arguments.crowd.one_subnet && arguments.crowd.clients + arguments.crowd.libtorrents > 250)
        return false;
    return !arguments.trace || arguments.family;
}

void print_violations(const std::string& name, std::uint64_t seed, std::span<const std::string> violations) {
    for (const std::string& violation : violations)
        std::printf("%s, seed %llu: %s\n", name.c_str(), static_cast<unsigned long long>(seed),
                    violation.c_str());
    std::fflush(stdout);
}

/// Runs a family's seeds with `run(simulation, seed, options)` and tells of each with `line(result)`.
template <class Run, class Line>
auto run_family(const Arguments& arguments, const Family& family, std::size_t& violations, const Run& run,
                const Line& line) {
    std::vector<decltype(run(std::declval<Simulation&>(), 0, SwarmOptions{}))> results;
    for (std::uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
        const SwarmOptions options = family.make(seed);
        Simulation simulation(options, seed);
        Trace trace(simulation, stdout);
        if (arguments.trace) simulation.client().watch(&trace);
        results.push_back(run(simulation, seed, options));
        if (arguments.each) {
            std::printf("%-14s seed %-5llu ", family.name.data(), static_cast<unsigned long long>(seed));
            line(results.back());
        }
        print_violations(std::string(family.name), seed, results.back().violations);
        violations += results.back().violations.size();
    }
    return results;
}

std::vector<VisitResult> run_visits(const Arguments& arguments, const Family& family,
                                    std::size_t& violations) {
    return run_family(
        arguments, family, violations,
        [](Simulation& simulation, std::uint64_t seed, const SwarmOptions&) {
            return visit(simulation, seed);
        },
        [](const VisitResult& result) {
            std::printf("first %5.0f ms, seeks p50 %.2f p95 %.2f, idle %.2f, stalls %d, copy %.2f\n",
                        1000 * seconds(result.first_byte), percentile(result.soon_seeks, 0.5),
                        percentile(result.soon_seeks, 0.95), percentile(result.idle_seeks, 0.5),
                        result.film.stalls,
                        result.copy.bytes_per_second / std::max(1.0, result.copy.capacity));
        });
}

std::vector<FilmResult> run_films(const Arguments& arguments, const Family& family, std::size_t& violations) {
    return run_family(
        arguments, family, violations,
        [](Simulation& simulation, std::uint64_t seed, const SwarmOptions& options) {
            return watch_film(simulation, seed, options.client_joins_at);
        },
        [](const FilmResult& result) {
            std::printf("start %.2f s, jumps", seconds(result.start));
            for (Duration jump : result.jumps) std::printf(" %.2f", seconds(jump));
            std::printf(" s, %d stalls of %.1f s, sent by us %.1f MiB, to us %.1f MiB\n", result.stalls,
                        seconds(result.stalled), static_cast<double>(result.sent_by_us()) / (1 << 20),
                        static_cast<double>(result.sent_to_us()) / (1 << 20));
        });
}

std::size_t run_families(const Arguments& arguments) {
    std::size_t violations = 0;
    std::string visits, films, trades;
    for (const Family& family : families()) {
        if (arguments.family && arguments.family != &family) continue;
        visits += table_row(family, run_visits(arguments, family, violations));
    }
    for (const Family& family : leecher_families()) {
        if (arguments.family && arguments.family != &family) continue;
        const auto results = run_films(arguments, family, violations);
        films += film_table_row(family, results);
        trades += trade_table_rows(family, results);
    }
    if (!visits.empty()) std::printf("%s%s", table_head().c_str(), visits.c_str());
    if (!films.empty())
        std::printf("%s%s\n%s%s", film_table_head().c_str(), films.c_str(), trade_table_head().c_str(),
                    trades.c_str());
    return violations;
}

std::size_t run_crowds(const Arguments& arguments) {
    std::size_t violations = 0;
    std::vector<CrowdResult> results;
    for (std::uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
        results.push_back(ClientCrowd(arguments.crowd, seed).run());
        const CrowdResult& result = results.back();
        if (arguments.each)
            std::printf(
                "crowd, seed %llu: bound %.1f s, clients %.1f s, libtorrents %.1f s, last %.1f s, seeder "
                "sent "
                "%.2f\n",
                static_cast<unsigned long long>(seed), seconds(result.bound), seconds(result.mean_finish()),
                seconds(result.mean_finish(false)), seconds(result.last_finish()), result.seeder_sent);
        print_violations("crowd", seed, result.violations);
        violations += result.violations.size();
    }
    std::printf("%s%s", crowd_table_head().c_str(), crowd_table_row(arguments.crowd, results).c_str());
    return violations;
}

}  // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    if (!parse(argc, argv, arguments)) return usage();
    const bool is_crowd = arguments.crowd.clients + arguments.crowd.libtorrents > 0;
    const std::size_t violations = is_crowd ? run_crowds(arguments) : run_families(arguments);
    return violations == 0 ? 0 : 1;
}
