// Rule that says when uploading of a torrent ends: at a share ratio, after a time, or when nobody takes
// anything.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/core/time.hpp"

namespace btfs {

/// Goals of the user; nothing: uploading does not end.
struct SeedGoals {
    /// Bytes uploaded for each byte downloaded. What was here when the torrent was opened counts as
    /// downloaded.
    std::optional<double> ratio = {};
    /// Counted from when the torrent was complete.
    std::optional<Duration> time = {};
    /// The torrent is complete, and nothing was uploaded for so long.
    std::optional<Duration> idle = {};
};

enum class SeedGoal : std::uint8_t { ratio, time, idle };

/// Knows this run alone: there is no memory over runs. A value without clock; the torrent asks it about once
/// a second. A torrent that downloads more may fall below its ratio again; uploading goes on once it is well
/// below.
class SeedRule {
  public:
    /// Share of the ratio below which uploading goes on, so that peers are not choked and unchoked all the
    /// time.
    static constexpr double kAgain = 0.9;

    struct Totals {
        std::uint64_t uploaded = 0;
        std::uint64_t downloaded = 0;
        bool complete = false;
    };

    explicit SeedRule(const SeedGoals& goals) : goals_(goals) {}

    /// Other goals from now on, judged by what has been transferred so far.
    void set_goals(const SeedGoals& goals);
    bool has_goals() const { return goals_.ratio || goals_.time || goals_.idle; }
    /// The torrent is paused: until resume(), it is not to be judged, and no time counts.
    void pause(TimePoint now);
    /// Time counts on, and idle time anew.
    void resume(TimePoint now);
    /// So many bytes of content were here when the torrent was opened.
    void set_had_at_start(std::uint64_t bytes) { had_at_start_ = bytes; }
    /// The goal that has been reached, the ratio first; nothing while there is none.
    std::optional<SeedGoal> judge(const Totals& totals, TimePoint now);
    /// When the goal of time, or that of idling, will be reached if nothing changes; kNever if they were, if
    /// the torrent was not complete when it was last judged, or if it is paused.
    TimePoint next_timeout() const;

  private:
    TimePoint time_due() const;
    TimePoint idle_due() const;

    SeedGoals goals_;
    std::uint64_t had_at_start_ = 0;
    std::optional<TimePoint> complete_since_;
    std::optional<TimePoint> idle_since_;
    std::optional<TimePoint> paused_since_;
    std::uint64_t uploaded_ = 0;  ///< when last judged
    bool time_is_over_ = false;
    bool idle_is_over_ = false;
    bool ratio_is_reached_ = false;
};

}  // namespace btfs
