// Choker of a remote peer: chooses whom it unchokes, as libtorrent 2 or Transmission 4 would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "engine/core/rng.hpp"
#include "engine/core/time.hpp"

namespace btfs::sim {

enum class Choking : std::uint8_t {
    none,           ///< unchokes everybody who is interested
    libtorrent2,    ///< 8 slots, one of them optimistic, rounds of 15 s
    transmission4,  ///< 8 slots and an optimistic one, rounds of 10 s
};

/// Called about once a second with all connections; says at the end of a round which of them are unchoked.
class RemoteChoker {
  public:
    using Id = std::size_t;
    struct Customer {
        Id id;
        bool interested;
        bool unchoked;
        std::uint64_t got;    ///< bytes of content from it, since it connected
        std::uint64_t given;  ///< bytes of content to it
    };
    static constexpr std::size_t kSlots = 8;

    /// Rounds begin a random part of a round after `now`.
    RemoteChoker(Choking kind, std::uint32_t piece_length, std::uint64_t seed, TimePoint now);

    /// The customers to be unchoked, at the end of a round; nothing in between.
    std::optional<std::set<Id>> tick(std::span<const Customer> customers, bool is_seed, TimePoint now);
    /// One has become interested: true if it is unchoked at once.
    bool unchokes_at_once(const Customer& customer, std::size_t unchoked, TimePoint now);
    /// A slot has become free.
    void hurry(TimePoint now);
    void forget(Id id) { records_.erase(id); }

  private:
    struct Record {
        TimePoint since{};                 ///< it connected
        std::uint64_t got_before = 0;      ///< up to the last round
        std::uint64_t given_before = 0;    ///< up to the last round
        std::uint64_t given_unchoked = 0;  ///< up to the time when it was unchoked
        TimePoint unchoked_at{};           ///< for the last time
        TimePoint optimistic_at{};         ///< unchoked optimistically for the last time
        /// Totals at the last ticks, the oldest first.
        std::vector<std::uint64_t> got_lately, given_lately;
    };

    Record& record(const Customer& customer, TimePoint now);
    std::set<Id> libtorrent_round(std::span<const Customer> interested, bool is_seed, TimePoint now);
    std::set<Id> transmission_round(std::span<const Customer> interested, bool is_seed, TimePoint now);

    const Choking kind_;
    const std::uint64_t quota_;
    Rng rng_;
    TimePoint round_due_;
    TimePoint optimistic_due_{};
    int rounds_ = 0;
    std::optional<Id> optimistic_;
    std::map<Id, Record> records_;
};

}  // namespace btfs::sim
