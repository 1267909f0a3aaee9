#include "tests/sim/readers.hpp"

#include <algorithm>

namespace btfs::sim {
namespace {

constexpr std::uint64_t kRead = 128 * 1024;
constexpr std::uint64_t kSeekRead = 64 * 1024;
constexpr std::size_t kReadsAtATime = 2;
/// Time that the reader and the kernel take for one READ that is answered at once.
constexpr Duration kCall = 50us;
constexpr Duration kTick = 20ms;
constexpr double kStartBuffer = 0.5;  // seconds
constexpr double kFullBuffer = 4;     // seconds
/// A read that takes longer than kPatience, and than kPatienceFactor times its limit, counts as never
/// answered.
constexpr Duration kPatience = 90s;
constexpr int kPatienceFactor = 20;

}  // namespace

SequentialReader::SequentialReader(Simulation& simulation, std::uint64_t from)
    : simulation_(simulation), file_(simulation.open()), next_(from), position_(from) {}

SequentialReader::~SequentialReader() {
    end_ = next_;
    if (!simulation_.run_until([this] { return !waits(); }, kPatience)) {
        simulation_.report_waits("a sequential read is not answered");
        simulation_.end_reader_of(file_);
        simulation_.run_until([this] { return !waits(); }, 1s);
    }
    simulation_.read_path().release(file_);
}

void SequentialReader::jump(std::uint64_t offset_in_file) {
    ++jumps_;
    answered_.clear();
    next_ = position_ = end_ = offset_in_file;
}

void SequentialReader::read_to(std::uint64_t offset_in_file) {
    end_ = std::min(std::max(end_, offset_in_file), simulation_.layout().total_size());
    ask();
}

void SequentialReader::ask() {
    while (under_way_ < kReadsAtATime && next_ < end_) {
        const ByteRange range{next_, std::min(next_ + kRead, simulation_.layout().total_size())};
        next_ = range.end;
        ++under_way_;
        simulation_.events().after(kCall, [this, range, jumps = jumps_] {
            simulation_.read(file_, range, [this, range, jumps](Duration) {
                --under_way_;
                if (jumps == jumps_) answered_[range.begin] = range.end;
                while (!answered_.empty() && answered_.begin()->first == position_) {
                    position_ = answered_.begin()->second;
                    answered_.erase(answered_.begin());
                }
                ask();
            });
        });
    }
}

Playing play(Simulation& simulation, std::uint64_t from, double bytes_per_second, Duration time) {
    SequentialReader reader(simulation, from);
    Playing playing;
    double used = 0;
    bool moving = false, started = false;
    for (Duration t{}; t < time; t += kTick) {
        const double had = static_cast<double>(reader.position() - from) / bytes_per_second;
        if (!moving && had - used >= kStartBuffer) moving = started = true;
        if (moving && had - used < seconds(kTick)) {
            moving = false;
            ++playing.stalls;
        }
        if (moving) {
            used += seconds(kTick);
            playing.played += kTick;
        } else {
            (started ? playing.stalled : playing.start) += kTick;
        }
        reader.read_to(from + static_cast<std::uint64_t>((used + kFullBuffer) * bytes_per_second));
        simulation.run_for(kTick);
    }
    return playing;
}

Copying copy(Simulation& simulation, std::uint64_t from, Duration time) {
    SequentialReader reader(simulation, from);
    Copying copying;
    const std::uint64_t received_before = simulation.client().wire().received();
    int ticks = 0;
    for (Duration t{}; t < time; t += kTick, ++ticks) {
        copying.capacity += simulation.capacity();
        // Sets the end only as far ahead as the reads under way need, since the copy ends with the time.
        reader.read_to(reader.position() + 64 * kRead);
        simulation.run_for(kTick);
    }
    copying.capacity /= ticks;
    copying.received_per_second =
        static_cast<double>(simulation.client().wire().received() - received_before) / seconds(time);
    copying.bytes_per_second = static_cast<double>(reader.position() - from) / seconds(time);
    return copying;
}

Seek seek(Simulation& simulation, OpenFile& file, Rng& rng) {
    const Layout& layout = simulation.layout();
    ByteRange range;
    for (int tries = 0; tries < 20; ++tries) {
        const std::uint64_t begin = rng.below((layout.total_size() - kSeekRead) / 4096) * 4096;
        range = {begin, begin + kSeekRead};
        if (!simulation.client().store().has(range)) break;
    }
    Seek result{.limit = simulation.limit(range)};
    bool answered = false;
    simulation.read(file, range, [&](Duration took) {
        result.took = took;
        answered = true;
    });
    const Duration patience =
        std::max<Duration>(kPatience, kPatienceFactor * result.limit.value_or(Duration{}));
    simulation.run_until([&] { return answered; }, patience);
    if (!answered) {
        simulation.report_waits("a seek is not answered");
        simulation.end_reader_of(file);
        simulation.run_until([&] { return answered; }, 1s);
        result.took = patience;
    }
    return result;
}

}  // namespace btfs::sim
