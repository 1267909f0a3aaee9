// Announcer that decides when a torrent is announced, to which tracker, and with which event.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/rng.hpp"
#include "engine/core/time.hpp"
#include "engine/tracker/announce.hpp"
#include "engine/tracker/tracker_tiers.hpp"

namespace btfs::tracker {

/// The numbers of a torrent that change from one announce to the next.
struct AnnounceProgress {
    std::uint64_t uploaded = 0;
    std::uint64_t downloaded = 0;
    std::uint64_t left = 0;
    bool paused = false;  ///< a partial seed (BEP 21): nothing is wanted though something is left
};

/// Names one announce; chosen by the announcer, never reused.
using AnnounceId = std::uint64_t;

/// An announce to be made: over addresses of `family` alone, and to be given up after `timeout`.
struct AnnounceJob {
    AnnounceId id = 0;
    std::string url;
    AddressFamily family = AddressFamily::v4;
    AnnounceRequest request;
    Duration timeout{};
    bool urgent = false;  ///< a reader waits for peers
};

/// State of one tracker, to be shown.
struct TrackerStatus {
    std::string url;  ///< without credentials; its path and query may hold a passkey: see public_url()
    AddressFamily family = AddressFamily::v4;
    bool announcing = false;
    bool usable = true;    ///< false for a URL that names no tracker that we can ask: `message` says so
    bool working = false;  ///< the last announce was answered
    std::string message;   ///< the last refusal, error or warning
    std::optional<std::uint32_t> complete;
    std::optional<std::uint32_t> incomplete;
    /// When the last announce was sent, and when it ended: by an answer, an error or its timeout. Nothing
    /// until then.
    std::optional<TimePoint> asked_at = {};
    std::optional<TimePoint> ended_at = {};
    bool timed_out = false;      ///< the last announce, without an answer
    std::size_t peer_count = 0;  ///< peers in the last answer
    /// When the tracker last told `complete` or `incomplete`.
    std::optional<TimePoint> counted_at = {};
    /// When the tracker may be asked next, unless another one answers first. Nothing while it is being asked,
    /// while the torrent is not announced, and if it will not be asked.
    std::optional<TimePoint> next_at = {};
};

/// One torrent's announcing; a machine. After each input, and at next_timeout(), its owner polls jobs until
/// there are none, carries them out, and reports how each ended.
///
/// The policy, for each address family on its own: trackers are asked in BEP 12's order until one answers,
/// and the next one is asked as soon as one fails, or has not answered within kPatience, so that a dead
/// first tracker does not delay the start. Once one has answered, the torrent comes again after that one's
/// interval; before that, want_peers() asks the others, one more at a time. A tracker that failed is left
/// alone for a time that doubles. `started` goes first to each tracker, `completed` and `stopped` only to
/// those that accepted `started`. Errors of a family that we or the tracker do not have end there.
/// A tracker that is named by its address is asked over that address's family alone.
class Announcer {
  public:
    static constexpr Duration kPatience = 2s;
    static constexpr Duration kJobTimeout = 60s;
    /// For all announces of stop() together.
    static constexpr Duration kStopTimeout = 3s;
    static constexpr Duration kFirstRetry = 15s;
    static constexpr Duration kLongestRetry = 30min;
    static constexpr std::uint32_t kNumwant = 200;

    struct Options {
        Sha1Digest info_hash;
        std::array<std::byte, 20> peer_id{};
        std::uint16_t port = 0;
        std::uint32_t key = 0;
        std::vector<AddressFamily> families{AddressFamily::v4, AddressFamily::v6};
    };

    /// `rng` outlives this.
    Announcer(Options options, TrackerTiers trackers, Rng& rng);

    /// The same after stop(): trackers are told `started` anew, those that are being told `stopped` once they
    /// have answered.
    void start(TimePoint now);
    /// The download has been finished just now, by fetching.
    void complete();
    /// The swarm needs more peers.
    void want_peers(TimePoint now);
    /// Sets the port at which peers of that family reach us. Trackers that were told of another port are told
    /// at once.
    void set_port(AddressFamily family, std::uint16_t port);
    /// A magnet link or the user names one more.
    void add_tracker(std::string_view url, TimePoint now);
    /// Has these trackers from now on. Those that have gone are told `stopped`; new ones are asked at once,
    /// and others if one that had answered has gone.
    void set_trackers(const std::vector<std::vector<std::string>>& tiers, TimePoint now);
    /// Says goodbye where it is due. Jobs under way are no longer of interest.
    void stop(TimePoint now);

    std::optional<AnnounceJob> poll_job(TimePoint now, const AnnounceProgress& progress);
    /// Unknown ids, of jobs given up, are ignored.
    void handle_reply(AnnounceId id, const AnnounceReply& reply, TimePoint now);
    void handle_failure(AnnounceId id, Error error, TimePoint now);
    TimePoint next_timeout() const;

    /// After stop(): nothing more is to be sent or waited for.
    bool stopped() const;
    /// Each tracker once for each family, then the URLs that cannot be used.
    std::vector<TrackerStatus> status() const;

  private:
    enum class Phase : std::uint8_t { idle, running, stopping };

    /// One tracker over one address family.
    struct Target {
        TrackerIndex tracker;
        std::optional<AnnounceId> job;
        AnnounceEvent job_event = AnnounceEvent::none;
        TimePoint job_deadline = kNever;
        bool started = false;  ///< it accepted that we are there
        bool completed_due = false;
        bool port_due = false;  ///< it knows another port
        bool stopped_due = false;
        bool of_other_family = false;  ///< named by an address of the other family: nothing is asked there
        bool never_again = false;
        unsigned failures = 0;  ///< in a row
        TimePoint not_before;   ///< polite, or backing off
        std::string tracker_id;
        TrackerStatus shown;
    };

    /// The search of one family for a tracker that answers.
    struct Walk {
        AddressFamily family;
        std::uint16_t port = 0;       ///< where peers reach us
        std::vector<Target> targets;  ///< by TrackerIndex
        bool active = false;
        std::vector<TrackerIndex> order;
        std::size_t next = 0;         ///< in order
        TimePoint ask_next_at;        ///< while active
        TimePoint begin_at = kNever;  ///< while not active
    };

    void add_targets(Walk& walk);
    void begin(Walk& walk, TimePoint now);
    void end(Walk& walk, TimePoint begin_at);
    Target* next_target(Walk& walk, TimePoint now);
    Target* due_target(Walk& walk);
    AnnounceJob make_job(Walk& walk, Target& target, AnnounceEvent event, TimePoint now,
                         const AnnounceProgress& progress);
    void give_up_late_jobs(TimePoint now);
    bool was_goodbye(Walk& walk, const Target& target, TimePoint now);
    void on_failed(Walk& walk, Target& target, std::string message, std::optional<Duration> retry_in,
                   TimePoint now);
    std::optional<TimePoint> next_announce(const Walk& walk, const Target& target) const;
    void finish_if_exhausted(Walk& walk, TimePoint now);
    template <class F>
    void with_job(AnnounceId id, F&& f);

    const Options options_;
    TrackerTiers trackers_;
    Rng& rng_;
    Phase phase_ = Phase::idle;
    std::vector<Walk> walks_;
    AnnounceId next_id_ = 1;
    TimePoint stop_deadline_ = kNever;
};

}  // namespace btfs::tracker
