#include "tests/sim/visit.hpp"

#include <algorithm>

namespace btfs::sim {
namespace {

constexpr int kSoonSeeks = 12;
constexpr int kIdleSeeks = 4;
constexpr Duration kSoon = 200ms;
constexpr Duration kIdle = 2s;
constexpr double kFilm = 1e6;       // bytes per second: 8 Mbit/s
constexpr double kFilmShare = 0.6;  // of the capacity, if that is less
constexpr Duration kFilmTime = 15s;
constexpr Duration kCopyTime = 6s;

double film_rate(const Simulation& simulation) {
    return std::clamp(kFilmShare * simulation.capacity(), 10e3, kFilm);
}

void note(VisitResult& result, std::vector<double>& ratios, const Seek& seek) {
    result.seek_ms.push_back(1000 * seconds(seek.took));
    if (seek.limit && *seek.limit > Duration{}) ratios.push_back(seconds(seek.took) / seconds(*seek.limit));
}

}  // namespace

VisitResult visit(Simulation& simulation, std::uint64_t seed) {
    VisitResult result;
    result.seed = seed;
    Rng rng(seed * 7 + 3);
    const std::uint64_t size = simulation.layout().total_size();

    OpenFile& seeker = simulation.open();
    result.first_byte = seek(simulation, seeker, rng).took;
    for (int i = 0; i < kSoonSeeks; ++i) {
        simulation.run_for(kSoon);
        note(result, result.soon_seeks, seek(simulation, seeker, rng));
    }
    for (int i = 0; i < kIdleSeeks; ++i) {
        simulation.run_for(kIdle);
        note(result, result.idle_seeks, seek(simulation, seeker, rng));
    }
    result.film = play(simulation, rng.below(size / 8), film_rate(simulation), kFilmTime);
    result.copy = copy(simulation, size / 4 + rng.below(size / 8), kCopyTime);

    // Two readers at a time. The seeks must end, but their times do not count.
    {
        SequentialReader film(simulation, size / 2 + rng.below(size / 8));
        for (int i = 0; i < 4; ++i) {
            film.read_to(film.position() + static_cast<std::uint64_t>(film_rate(simulation)));
            simulation.run_for(500ms);
            seek(simulation, seeker, rng);
        }
    }
    simulation.read_path().release(seeker);
    if (simulation.client().store().parked() > 0) simulation.invariants().report("reads are left unanswered");

    result.wire = simulation.client().wire();
    result.verified = simulation.client().store().bytes_verified();
    for (const auto& peer : simulation.peers())
        if (peer->wrong_uploads() > 0) simulation.invariants().report("a wrong block was uploaded");
    result.violations = simulation.invariants().violations();
    return result;
}

std::string VisitResult::fingerprint() const {
    std::string text;
    const auto add = [&](auto value) { text += std::to_string(value) + " "; };
    add(seed);
    add(first_byte.count());
    for (double value : seek_ms) add(value);
    add(film.played.count());
    add(film.stalls);
    add(copy.bytes_per_second);
    add(wire.useful);
    add(wire.twice);
    add(wire.unasked);
    add(verified);
    for (const std::string& violation : violations) text += violation + "\n";
    return text;
}

}  // namespace btfs::sim
