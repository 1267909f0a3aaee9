// Readers of a simulation: a film player, a copy, and one that jumps about.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/sim/simulation.hpp"

namespace btfs::sim {

/// Reads in sequence as the kernel does for a reader: two READs of 128 KiB under way. When it goes it waits
/// for them.
class SequentialReader {
  public:
    SequentialReader(Simulation& simulation, std::uint64_t from);
    ~SequentialReader();
    SequentialReader(const SequentialReader&) = delete;
    SequentialReader& operator=(const SequentialReader&) = delete;

    /// Reads on from there. What is under way is waited for, and does not count.
    void jump(std::uint64_t offset_in_file);
    /// Reads on as far as this.
    void read_to(std::uint64_t offset_in_file);
    /// The end of what was answered in sequence.
    std::uint64_t position() const { return position_; }
    bool waits() const { return under_way_ > 0; }

  private:
    void ask();

    Simulation& simulation_;
    OpenFile& file_;
    std::uint64_t next_;
    std::uint64_t position_;
    std::uint64_t end_ = 0;
    std::size_t under_way_ = 0;
    std::map<std::uint64_t, std::uint64_t> answered_;  // begin -> end, beyond position_
    std::uint64_t jumps_ = 0;
};

struct Playing {
    Duration played{};
    Duration stalled{};
    int stalls = 0;
    Duration start{};  ///< until the picture moved
};
/// Plays from an offset: begins with half a second in its buffer, holds four, and stalls on an empty one.
Playing play(Simulation& simulation, std::uint64_t from, double bytes_per_second, Duration time);

struct Copying {
    double bytes_per_second = 0;     ///< that the reader got
    double received_per_second = 0;  ///< that came over the wire
    double capacity = 0;             ///< of the honest peers, on average meanwhile
};
Copying copy(Simulation& simulation, std::uint64_t from, Duration time);

struct Seek {
    Duration took{};
    std::optional<Duration> limit;
};
/// Reads 64 KiB somewhere where nothing is yet.
Seek seek(Simulation& simulation, OpenFile& file, Rng& rng);

}  // namespace btfs::sim
