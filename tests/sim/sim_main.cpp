// sim [--seeds A-B] [--family NAME] [--trace]: visits swarms and prints the table of tests/sim/README.md.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/sim/report.hpp"
#include "tests/sim/trace.hpp"

namespace {

using namespace btfs;
using namespace btfs::sim;

struct Arguments {
    std::uint64_t first = 1;
    std::uint64_t last = 10;
    const Family* family = nullptr;
    bool trace = false;
    bool each = false;
};

int usage() {
    std::fputs(
        "usage: sim [--seeds A-B] [--family NAME] [--each] [--trace]\n"
        "  --each   a line for each seed\n"
        "  --trace  each request of one family's seeds: why, when it was expected, when it came\n"
        "families:\n",
        stderr);
    for (const Family& family : families())
        std::fprintf(stderr, "  %-12s %s\n", family.name.data(), family.description.data());
    return 2;
}

bool parse(int argc, char** argv, Arguments& arguments) {
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
        if (argument == "--trace") {
            arguments.trace = true;
        } else if (argument == "--each") {
            arguments.each = true;
        } else if (argument == "--seeds" && value) {
            char* rest = nullptr;
            arguments.first = arguments.last = std::strtoull(value, &rest, 10);
            if (*rest == '-') arguments.last = std::strtoull(rest + 1, &rest, 10);
            if (*rest != 0 || arguments.last < arguments.first) return false;
            ++i;
        } else if (argument == "--family" && value) {
            arguments.family = family_named(value);
            if (!arguments.family) return false;
            ++i;
        } else {
            return false;
        }
    }
    return !arguments.trace || arguments.family;
}

}  // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    if (!parse(argc, argv, arguments)) return usage();
    std::size_t violations = 0;
    std::string table = table_head();
    for (const Family& family : families()) {
        if (arguments.family && arguments.family != &family) continue;
        std::vector<VisitResult> results;
        for (std::uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
            Simulation simulation(family.make(seed), seed);
            Trace trace(simulation, stdout);
            if (arguments.trace) simulation.client().watch(&trace);
            results.push_back(visit(simulation, seed));
            const VisitResult& result = results.back();
            if (arguments.each)
                std::printf(
                    "%-12s seed %-5llu first %5.0f ms, seeks p50 %.2f p95 %.2f, idle %.2f, stalls %d, copy "
                    "%.2f\n",
                    family.name.data(), static_cast<unsigned long long>(seed),
                    1000 * seconds(result.first_byte), percentile(result.soon_seeks, 0.5),
                    percentile(result.soon_seeks, 0.95), percentile(result.idle_seeks, 0.5),
                    result.film.stalls, result.copy.bytes_per_second / std::max(1.0, result.copy.capacity));
            for (const std::string& violation : result.violations)
                std::printf("%s, seed %llu: %s\n", family.name.data(), static_cast<unsigned long long>(seed),
                            violation.c_str());
            violations += result.violations.size();
        }
        table += table_row(family, results);
        std::fflush(stdout);
    }
    std::fputs(table.c_str(), stdout);
    return violations == 0 ? 0 : 1;
}
