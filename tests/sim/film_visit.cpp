#include "tests/sim/film_visit.hpp"

#include <algorithm>
#include <array>

#include "tests/sim/readers.hpp"

namespace btfs::sim {
namespace {

constexpr double kRate = 1e6;  // bytes per second: 8 Mbit/s
constexpr double kBuffer = 2 * kRate;
constexpr Duration kPlayFor = 12s;
constexpr Duration kTick = 20ms;
constexpr Duration kPatience = 300s;
constexpr std::uint64_t kFirstRead = 64 * 1024;
constexpr std::uint64_t kIndex = 128 * 1024;
constexpr std::array kPlaces = {0.0, 0.60, 0.25, 0.85};  // of the file

/// The film's player. Its clock is the simulation's.
class Player {
  public:
    Player(Simulation& simulation, FilmResult& result)
        : simulation_(simulation), result_(result), reader_(simulation, 0) {}

    /// Reads a range to its end; false if that takes too long.
    bool read(ByteRange range) {
        reader_.jump(range.begin);
        reader_.read_to(range.end);
        if (simulation_.run_until([&] { return reader_.position() >= range.end; }, kPatience)) return true;
        simulation_.report_waits("the film's header is not read");
        return false;
    }

    /// Plays from there. Returns the time until the picture moved.
    Duration play_from(std::uint64_t from) {
        reader_.jump(from);
        Duration waited{}, left = kPlayFor;
        double used = 0;
        bool moving = false, started = false;
        while (left > Duration{} && waited < kPatience) {
            const double had = static_cast<double>(reader_.position() - from) - used;
            const double missing = static_cast<double>(simulation_.layout().total_size() - from) - used;
            if (!moving && had >= std::min(kBuffer, missing)) moving = started = true;
            if (moving && had < kRate * seconds(kTick)) {
                moving = false;
                ++result_.stalls;
            }
            if (moving) {
                used += kRate * seconds(kTick);
                result_.played += kTick;
                left -= kTick;
            } else {
                (started ? result_.stalled : waited) += kTick;
                if (started && result_.stalled > kPatience) break;
            }
            reader_.read_to(from + static_cast<std::uint64_t>(used + kBuffer + 1));
            simulation_.run_for(kTick);
        }
        if (left > Duration{}) simulation_.report_waits("the film does not go on");
        return waited;
    }

  private:
    Simulation& simulation_;
    FilmResult& result_;
    SequentialReader reader_;
};

std::string kind_of(const PeerOptions& peer) {
    if (peer.conduct == Conduct::free_rides)
        return peer.reconnects_every > Duration{} ? "cheat" : "free rider";
    return peer.choking == Choking::transmission4 ? "transmission" : "libtorrent";
}

}  // namespace

FilmResult watch_film(Simulation& simulation, std::uint64_t seed, Duration joins_at) {
    FilmResult result;
    result.seed = seed;
    simulation.run_for(joins_at);
    const TimePoint mounted = simulation.events().now();
    const std::uint64_t size = simulation.layout().total_size();
    {
        Player player(simulation, result);
        if (player.read({0, kFirstRead}) && player.read({size - kIndex, size})) {
            const Duration before_film = simulation.events().now() - mounted;
            for (const double place : kPlaces) {
                const auto from = static_cast<std::uint64_t>(place * static_cast<double>(size)) / 4096 * 4096;
                const Duration waited = player.play_from(from);
                if (place == 0) {
                    result.start = before_film + waited;
                } else {
                    result.jumps.push_back(waited);
                }
            }
        }
    }
    if (simulation.client().store().parked() > 0) simulation.invariants().report("reads are left unanswered");
    for (const auto& peer : simulation.peers()) {
        if (peer->wrong_uploads() > 0) simulation.invariants().report("a wrong block was uploaded");
        result.trades.push_back(
            {kind_of(peer->options()), peer->got_from_clients(), peer->given_to_clients()});
    }
    result.wire = simulation.client().wire();
    result.violations = simulation.invariants().violations();
    return result;
}

std::uint64_t FilmResult::sent_by_us() const {
    std::uint64_t sum = 0;
    for (const Trade& trade : trades) sum += trade.sent_by_us;
    return sum;
}

std::uint64_t FilmResult::sent_to_us() const {
    std::uint64_t sum = 0;
    for (const Trade& trade : trades) sum += trade.sent_to_us;
    return sum;
}

std::string FilmResult::fingerprint() const {
    std::string text;
    const auto add = [&](auto value) { text += std::to_string(value) + " "; };
    add(seed);
    add(start.count());
    for (Duration jump : jumps) add(jump.count());
    add(stalls);
    add(stalled.count());
    add(played.count());
    for (const Trade& trade : trades) {
        add(trade.sent_by_us);
        add(trade.sent_to_us);
    }
    add(wire.useful);
    add(wire.twice);
    add(wire.unasked);
    for (const std::string& violation : violations) text += violation + "\n";
    return text;
}

}  // namespace btfs::sim
