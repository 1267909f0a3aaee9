// Readahead of one open file: how far ahead of its reader it is fetched.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "engine/core/time.hpp"
#include "engine/core/types.hpp"

namespace btfs {

// How far READs may be out of order, by the kernel's own readahead, without being a seek.
inline constexpr std::uint64_t kBackwardTolerance = 256 * 1024;
inline constexpr std::uint64_t kForwardTolerance = 512 * 1024;

/// A run shorter than this is a look at the file, not a reader: nothing is fetched ahead of it.
inline constexpr std::uint64_t kReadaheadThreshold = 256 * 1024;
inline constexpr std::uint64_t kFirstWindow = 512 * 1024;
/// Window after a seek of a reader that has read in sequence before: it is likely to do so again.
inline constexpr std::uint64_t kJumpWindow = std::uint64_t{2} << 20;
/// A run of this length is established.
inline constexpr std::uint64_t kEstablishedRun = std::uint64_t{2} << 20;
inline constexpr std::uint64_t kMinEstablishedWindow = std::uint64_t{8} << 20;
inline constexpr std::uint64_t kMaxWindow = std::uint64_t{64} << 20;
/// An established run leaves behind what is further back than this, so many bytes at a time.
inline constexpr std::uint64_t kRecentPast = std::uint64_t{8} << 20;
inline constexpr std::uint64_t kBehindStep = std::uint64_t{2} << 20;
/// The window is what the reader consumes in this time.
inline constexpr Duration kWindowTime = 30s;

/// The readahead of one open file, moved by every READ. Knows the places where the file is read in sequence
/// (a film's sound and picture may lie apart) and how fast. The window is twice what was read in the present
/// sequence, so a reader that stops wastes in proportion to what it used. Offsets are in the file. Not
/// thread-safe; a `now` before the last one counts as that one.
class Readahead {
  public:
    explicit Readahead(std::uint64_t file_size) : file_size_(file_size) {}

    /// The kernel asks for these bytes. Gives what the reader has left behind since it was last told, if that
    /// is worth it; never empty.
    std::optional<ByteRange> on_read(ByteRange range, TimePoint now);
    /// A READ waits for missing bytes. From here to on_served() no time counts: consumption is measured
    /// only while there is something to consume.
    void on_blocked(TimePoint now);
    /// No READ waits any more.
    void on_served(TimePoint now);

    /// From where the last READ began, or where those begin that it overtook, to as far as is worth having.
    /// After a seek: the READ alone, or kJumpWindow for a reader that was seen to read in sequence.
    ByteRange window() const { return window_; }
    /// 0 until there was enough unblocked time to tell.
    std::uint64_t bytes_per_second() const;
    /// The sequence of the last READ: from its beginning to the end of the furthest READ.
    ByteRange sequence() const { return sequence_; }

  private:
    struct Run {
        std::uint64_t begin = 0;
        std::uint64_t head = 0;        ///< the end of the furthest READ
        ByteRange overtaken{};         ///< READs that have yet to come, as it seems, behind later ones
        std::uint64_t left_until = 0;  ///< what lies between begin and this was left behind
        std::uint64_t last_used = 0;
        bool continues(std::uint64_t offset) const {
            // The reader may be as far behind the head as the head may have gone forward.
            return offset + kForwardTolerance + kBackwardTolerance >= head &&
                   offset <= head + kForwardTolerance;
        }
        std::uint64_t length() const { return head - begin; }
        void note_overtaken(ByteRange range);
        std::optional<ByteRange> leave_behind();
    };

    Run& run_for(ByteRange range);
    std::uint64_t ahead_of(const Run& run) const;
    void let_time_pass(TimePoint now);

    std::uint64_t file_size_;
    std::array<Run, 4> runs_{};
    std::size_t run_count_ = 0;
    std::uint64_t uses_ = 0;
    bool reads_in_sequence_ = false;  ///< there was an established run
    ByteRange window_;
    ByteRange sequence_;

    bool blocked_ = false;
    std::optional<TimePoint> accounted_;  ///< time before it is in unblocked_
    Duration pause_{};                    ///< unblocked, since the last READ
    double bytes_ = 0;                    ///< consumed lately; fades
    double unblocked_ = 0;                ///< seconds that they took; fades alike
};

}  // namespace btfs
