// Book of the questions to name servers: coalesces equal ones, queues them by urgency, caches the answers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"
#include "engine/net/families.hpp"

namespace btfs::net {

struct NameQuestion {
    std::string name;  ///< compared without regard to case
    Families families = Families::both;

    auto operator<=>(const NameQuestion&) const = default;
};

/// A machine without sockets and clock. Its owner asks for waiters, sends the questions that poll_question()
/// gives to a name server, and hands in each question's answer, exactly one for each.
class NameLookups {
  public:
    /// Questions at the servers at a time, and how many of these places only urgent ones get.
    static constexpr std::size_t kMaxInFlight = 256;
    static constexpr std::size_t kKeptForUrgent = 64;
    /// Names that wait for a place; the next one fails with resolver_busy.
    static constexpr std::size_t kMaxQueued = 20'000;
    /// Answers that are kept; the one that ends first makes room.
    static constexpr std::size_t kMaxCached = 4096;
    /// An answer is kept for as long as it says, between these.
    static constexpr Duration kShortestLife = 5s;
    static constexpr Duration kLongestLife = 5min;
    /// How long name_not_found is kept.
    static constexpr Duration kFailureLife = 10s;

    using Answer = Result<std::vector<Address>>;
    using WaiterId = std::uint64_t;

    /// Answers at once from the cache, or with resolver_busy; else the waiter waits.
    std::optional<Answer> ask(WaiterId waiter, const NameQuestion& question, LookUp look_up, TimePoint now);
    /// Makes a question that waits urgent.
    void hurry(const NameQuestion& question);
    /// Ends the wait of a waiter. A question without waiters is not sent.
    void leave(WaiterId waiter);

    /// The next question to send, while there are places.
    std::optional<NameQuestion> poll_question();
    /// The waiters that the answer is for. Other errors than name_not_found are not kept. `life` is how long
    /// the answer says that it is good.
    std::vector<WaiterId> handle_answer(const NameQuestion& question, const Answer& answer, Duration life,
                                        TimePoint now);

    std::size_t in_flight() const { return in_flight_; }
    std::size_t queued() const { return queue_.size(); }
    std::size_t cached() const { return cache_.size(); }

  private:
    /// In the order of sending: urgent ones first, then by age.
    struct Place {
        bool ordinary = true;
        std::uint64_t number = 0;
        auto operator<=>(const Place&) const = default;
    };
    struct Lookup {
        std::vector<WaiterId> waiters;
        std::optional<Place> place;  ///< in queue_; none once it was sent
    };
    struct Cached {
        Answer answer;
        TimePoint until;
    };
    using Lookups = std::map<NameQuestion, Lookup>;

    const Cached* cached_answer(const NameQuestion& question, TimePoint now);
    void make_urgent(Lookups::iterator lookup);
    void keep(const NameQuestion& question, const Answer& answer, TimePoint until);

    Lookups lookups_;
    std::map<Place, NameQuestion> queue_;
    std::map<WaiterId, NameQuestion> waiters_;
    std::map<NameQuestion, Cached> cache_;
    std::set<std::pair<TimePoint, NameQuestion>> ends_;  ///< of cache_, the first one first
    std::size_t in_flight_ = 0;
    std::uint64_t next_number_ = 0;
};

}  // namespace btfs::net
