// Web seed as a machine: blocks that are asked for become requests for ranges of files.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "engine/core/bitfield.hpp"
#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/layout.hpp"
#include "engine/core/time.hpp"
#include "engine/webseed/range_plan.hpp"
#include "engine/webseed/reply.hpp"
#include "engine/webseed/seed_memory.hpp"

namespace btfs::webseed {

/// Names one HTTP connection to the seed.
using LaneId = std::uint32_t;

// ---- actions ----

/// Request this range on the lane's connection, which is made if there is none, or the seed's server differs.
struct Fetch {
    LaneId lane;
    FileIndex file;
    ByteRange in_file;
};
/// Close the lane's connection.
struct CloseLane {
    LaneId lane;
};
struct BlockReady {
    BlockRef block;
    Bytes data;
};
struct BlockDenied {
    BlockRef block;
};
/// The seed rests after a failure: it is asked for nothing until Resumed.
struct Rested {
    Error reason;
    Duration length;
};
struct Resumed {};
struct PieceOffered {
    PieceIndex piece;
};
struct PieceWithdrawn {
    PieceIndex piece;
};
struct FileDistrusted {
    FileIndex file;
    Error reason;
};
/// The connection is to be made anew, since too much has changed, or not again, if the seed has nothing left.
struct Ended {
    Error reason;
};

/// How the server is asked.
enum class Protocol : std::uint8_t {
    files,   ///< for ranges of files (BEP 19)
    pieces,  ///< for ranges of one piece, on one connection (BEP 17): the layout is layout_without_files()
};

using SeedAction = std::variant<Fetch, CloseLane, BlockReady, BlockDenied, Rested, Resumed, PieceOffered,
                                PieceWithdrawn, FileDistrusted, Ended>;

/// Spreads the blocks that are asked for over a few *lanes*. A lane's request goes to the end of the gap in
/// what we have, and its bytes are taken as long as blocks are asked for near before its position; while none
/// are, it is not read, and TCP stops the server. Blocks far from all lanes open a further lane, or take one
/// over that is not read. Blocks are asked for in the order of their deadlines, so the first that no lane
/// reaches decides where the next one begins. While no lane is read, a piece is split over all that are free:
/// new connections send slowly at first.
///
/// An HTTP seed has one lane, whose requests end with their piece.
///
/// Sans-IO: it is told of everything with `now`, and after each call the shell drains take_actions(). On the
/// engine thread alone.
class WebSeed {
  public:
    /// Connections to the server at a time.
    static constexpr std::size_t kMaxLanes = 4;
    /// Blocks that may be asked for at a time; more are denied.
    static constexpr std::size_t kMaxBlocks = 2000;
    /// Bytes that were not asked for and that a lane reads to get to what was.
    static constexpr std::uint64_t kMaxSkip = 128 * 1024;
    /// The least that each lane gets of a piece that is split.
    static constexpr std::uint64_t kLeastStripe = 64 * 1024;
    /// A connection whose last request ended so lately still sends fast.
    static constexpr Duration kWarmFor = std::chrono::milliseconds(200);
    /// A request whose rest is so short is read to its end for the sake of its connection.
    static constexpr std::uint64_t kMaxDrain = 64 * 1024;
    /// A request that brings less than this before its connection ends counts as a failure.
    static constexpr std::uint64_t kLeastProgress = 16 * 1024;
    /// A lane that is not read is closed after so long; of a server without ranges later.
    static constexpr Duration kPausedFor = std::chrono::seconds(5);
    static constexpr Duration kPausedWithoutRangesFor = std::chrono::minutes(10);
    /// A connection without a request is kept for so long.
    static constexpr Duration kIdleFor = std::chrono::seconds(30);
    /// For a reply's header, connecting and redirects included; and for the next byte of a body.
    static constexpr Duration kReplyTimeout = std::chrono::seconds(20);
    static constexpr Duration kStallTimeout = std::chrono::seconds(15);
    /// Pieces whose loss is told one by one.
    static constexpr std::size_t kMaxToldPieces = 2000;

    /// `gap_end` gives, for an offset in the torrent, the end of the run of pieces that we lack. All outlives
    /// this.
    WebSeed(const Layout& layout, SeedMemory& memory,
            std::function<std::uint64_t(std::uint64_t offset_in_torrent)> gap_end, TimePoint now,
            Protocol protocol = Protocol::files);

    // ---- the peer's side ----
    const Bitfield& offered() const { return offered_; }
    bool resting() const { return resting_; }
    /// Nothing is done about the block before settle().
    void request(const BlockRef& block);
    /// True if the block was still to come; it does not come now.
    bool cancel(const BlockRef& block);
    /// Called after a run of the two above.
    void settle(TimePoint now) { assign(now); }
    /// A piece that came from here failed its hash.
    void on_piece_failed(PieceIndex piece, TimePoint now);

    // ---- the server's side ----
    void on_reply(LaneId lane, const ReplyHead& head, TimePoint now);
    /// How many bytes of the body may be read now.
    std::uint64_t wanted(LaneId lane) const;
    /// How many bytes are worth waiting for: no block is whole before so many have come. Not above wanted().
    std::uint64_t worth_reading(LaneId lane) const;
    /// True if all that the reply promised has come, and nothing but the body's end is still to be read.
    bool has_all(LaneId lane) const;
    void on_body(LaneId lane, ByteView bytes, TimePoint now);
    /// The body has come to its end. `keeps`: the connection takes another request.
    void on_end(LaneId lane, bool keeps, TimePoint now);
    /// There was no reply, or its body broke off.
    void on_failed(LaneId lane, Error reason, TimePoint now);

    TimePoint next_timeout() const;
    void handle_timeout(TimePoint now);
    /// Takes the actions to carry out, in this order. Empty once nothing is left.
    std::deque<SeedAction> take_actions() { return std::exchange(actions_, {}); }
    std::size_t lane_count() const { return lanes_.size(); }

  private:
    struct Block {
        BlockRef ref;
        ByteRange in_torrent;
        Bytes data;  ///< empty before the first byte
        std::size_t parts_left = 0;
    };
    using Blocks = std::list<Block>;
    struct Part {
        FileIndex file;
        std::uint64_t end;
        std::uint64_t next;  ///< the first byte that has not come
        Blocks::iterator block;
        bool covered = false;  ///< a lane will come to it
    };
    enum class LaneState : std::uint8_t { idle, asked, body };
    /// Offsets are those in the torrent.
    struct Lane {
        LaneState state = LaneState::idle;
        FileIndex file;
        std::uint64_t begin = 0;       ///< of what was asked for
        std::uint64_t position = 0;    ///< of the next byte that comes
        std::uint64_t end = 0;         ///< of what was asked for, or is promised
        std::uint64_t wanted_end = 0;  ///< bytes up to there are read
        std::uint64_t useful = 0;      ///< bytes of blocks that the request has brought
        TimePoint since{};             ///< of the state, or the last byte
        TimePoint paused = kNever;     ///< since then nothing of its body is wanted
        bool draining = false;
        bool brings_little = false;  ///< the reply promises less than was asked for, and nearly nothing
    };
    using Lanes = std::map<LaneId, Lane>;

    std::size_t usual_lanes() const { return protocol_ == Protocol::pieces ? 1 : kMaxLanes; }
    void wait_as_told(LaneId lane, Duration time, TimePoint now);
    void assign(TimePoint now);
    void extend(Lane& lane, TimePoint now);
    bool is_cold(TimePoint now) const;
    void split(std::uint64_t begin, TimePoint now);
    bool open_lane(const Part& part, std::uint64_t most_end, TimePoint now);
    void deny(Blocks::iterator block);
    Lane* lane_for(const Part& part, LaneId& id, TimePoint now);
    std::size_t lanes_at_work() const;
    std::uint64_t max_skip(const Lane& lane) const;
    void fill(Part& part, std::uint64_t at, ByteView bytes);
    void take_parts_out(const Block& block);
    void close(LaneId lane);
    void distrust(FileIndex file, Error reason, TimePoint now);
    void reconsider(FileIndex file);
    void update_reach(FileIndex file);
    void deny_unoffered();
    void rest(Error reason, TimePoint until, TimePoint now);
    void fail(LaneId lane, Error reason, std::optional<Duration> retry_after, TimePoint now);
    TimePoint timeout_of(const Lane& lane) const;
    const FileExtent& extent(FileIndex file) const { return layout_.files()[file.value()]; }

    const Layout& layout_;
    SeedMemory& memory_;
    const std::function<std::uint64_t(std::uint64_t)> gap_end_;
    Bitfield offered_;
    Blocks blocks_;  ///< in the order in which they were asked for
    std::map<BlockRef, Blocks::iterator> by_ref_;
    std::map<std::uint64_t, Part> parts_;  ///< by their begin in the torrent
    Lanes lanes_;
    LaneId next_lane_ = 0;
    const Protocol protocol_;
    std::size_t max_lanes_;
    bool resting_ = false;
    bool ended_ = false;
    std::deque<SeedAction> actions_;
};

}  // namespace btfs::webseed
