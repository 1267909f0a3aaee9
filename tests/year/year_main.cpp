// year [--days N] [--seed N] [swarm] [cache]: runs btfs's machines through a year of uptime in virtual time,
// and exits with 1 if anything grows. Without a name it runs all of them.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/log/log.hpp"
#include "tests/year/cache_year.hpp"
#include "tests/year/swarm_year.hpp"

namespace {

using namespace btfs;
using namespace btfs::year;

constexpr int kPeriods = 52;

template <class Year>
int run(std::uint64_t seed, Duration time) {
    Year year(seed);
    Growth growth;
    for (int i = 0; i < kPeriods; ++i) {
        year.run_for(time / kPeriods);
        year.note(growth);
    }
    std::printf("%s%s\n", growth.summary().c_str(), year.happened().c_str());
    std::vector<std::string> complaints = growth.complaints();
    if constexpr (requires { year.violations(); })
        complaints.insert(complaints.end(), year.violations().begin(), year.violations().end());
    for (const std::string& complaint : complaints) std::printf("%s\n", complaint.c_str());
    std::fflush(stdout);
    return complaints.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    int days = 365;
    std::uint64_t seed = 1;
    bool swarm = false, cache = false;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--days") == 0 && i + 1 < argc) {
            days = std::atoi(argv[++i]);
        } else if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = std::strtoull(argv[++i], nullptr, 10);
        } else if (std::strcmp(argv[i], "swarm") == 0) {
            swarm = true;
        } else if (std::strcmp(argv[i], "cache") == 0) {
            cache = true;
        } else {
            days = 0;
        }
    }
    if (days <= 0) {
        std::fputs("usage: year [--days N] [--seed N] [swarm] [cache]\n", stderr);
        return 2;
    }
    log::open({.file = {}, .least = log::Level::warn});  // each eviction is told at level info
    if (!swarm && !cache) swarm = cache = true;
    int failed = 0;
    if (swarm) failed |= run<SwarmYear>(seed, std::chrono::hours(24) * days);
    if (cache) failed |= run<CacheYear>(seed, std::chrono::hours(24) * days);
    return failed;
}
