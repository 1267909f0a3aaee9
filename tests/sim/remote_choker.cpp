#include "tests/sim/remote_choker.hpp"

#include <algorithm>
#include <tuple>

namespace btfs::sim {
namespace {

// libtorrent 2, by default
constexpr Duration kLibtorrentRound = 15s;
constexpr Duration kOptimisticFor = 30s;
constexpr std::size_t kOptimisticSlots = 1;  // a fifth of 8
constexpr std::uint64_t kQuotaPieces = 20;   // a seed sends so much to one peer while others wait
constexpr Duration kQuotaTime = 60s;

// Transmission 4, by default
constexpr Duration kTransmissionRound = 10s;
constexpr int kOptimisticRounds = 4;
constexpr std::size_t kRateTicks = 2;  // seconds over which a rate is measured
constexpr Duration kNewFor = 45s;
constexpr int kNewWeight = 3;  // of a new customer in the draw for the optimistic slot

std::uint64_t lately(const std::vector<std::uint64_t>& totals) {
    return totals.empty() ? 0 : totals.back() - totals.front();
}

void note(std::vector<std::uint64_t>& totals, std::uint64_t total) {
    totals.push_back(total);
    if (totals.size() > kRateTicks + 1) totals.erase(totals.begin());
}

}  // namespace

RemoteChoker::RemoteChoker(Choking kind, std::uint32_t piece_length, std::uint64_t seed, TimePoint now)
    : kind_(kind), quota_(kQuotaPieces * piece_length), rng_(seed) {
    const Duration round = kind == Choking::transmission4 ? kTransmissionRound : kLibtorrentRound;
    round_due_ = now + from_seconds(seconds(round) * rng_.fraction());
}

RemoteChoker::Record& RemoteChoker::record(const Customer& customer, TimePoint now) {
    const auto [entry, is_new] = records_.try_emplace(customer.id);
    if (is_new) entry->second.since = now;
    return entry->second;
}

std::optional<std::set<RemoteChoker::Id>> RemoteChoker::tick(std::span<const Customer> customers,
                                                             bool is_seed, TimePoint now) {
    std::vector<Customer> interested;
    for (const Customer& customer : customers) {
        Record& r = record(customer, now);
        note(r.got_lately, customer.got);
        note(r.given_lately, customer.given);
        if (customer.interested) interested.push_back(customer);
    }
    if (now < round_due_) return std::nullopt;
    const bool transmission = kind_ == Choking::transmission4;
    round_due_ = now + (transmission ? kTransmissionRound : kLibtorrentRound);
    std::set<Id> unchoked = transmission ? transmission_round(interested, is_seed, now)
                                         : libtorrent_round(interested, is_seed, now);
    for (const Customer& customer : customers) {
        Record& r = record(customer, now);
        if (unchoked.contains(customer.id) && !customer.unchoked) {
            r.unchoked_at = now;
            r.given_unchoked = customer.given;
        }
        r.got_before = customer.got;
        r.given_before = customer.given;
    }
    return unchoked;
}

bool RemoteChoker::unchokes_at_once(const Customer& customer, std::size_t unchoked, TimePoint now) {
    if (kind_ == Choking::none) return true;
    if (kind_ != Choking::libtorrent2 || unchoked >= kSlots) return false;
    Record& r = record(customer, now);
    r.unchoked_at = now;
    r.given_unchoked = customer.given;
    return true;
}

void RemoteChoker::hurry(TimePoint now) {
    if (kind_ == Choking::libtorrent2) round_due_ = std::min(round_due_, now);
}

/// The best get all slots but one. The last one goes to the customer that has had it longest ago, for 30 s,
/// or until it is among the best.
std::set<RemoteChoker::Id> RemoteChoker::libtorrent_round(std::span<const Customer> interested, bool is_seed,
                                                          TimePoint now) {
    const auto rank = [&](const Customer& customer) {
        const Record& r = records_.at(customer.id);
        const bool quota_used = customer.unchoked && customer.given - r.given_unchoked > quota_ &&
                                now - r.unchoked_at > kQuotaTime;
        const auto got = static_cast<std::int64_t>(customer.got - r.got_before);
        const auto given = static_cast<std::int64_t>(customer.given - r.given_before);
        return is_seed ? std::tuple(std::int64_t{quota_used}, -given, r.unchoked_at, customer.id)
                       : std::tuple(-got, std::int64_t{0}, r.unchoked_at, customer.id);
    };
    std::vector<Customer> ranked(interested.begin(), interested.end());
    std::ranges::sort(ranked, {}, rank);
    std::set<Id> unchoked;
    for (const Customer& customer : ranked)
        if (unchoked.size() < kSlots - kOptimisticSlots) unchoked.insert(customer.id);

    const auto still_there = [&](Id id) {
        return std::ranges::find(interested, id, &Customer::id) != interested.end();
    };
    if (!optimistic_ || unchoked.contains(*optimistic_) || !still_there(*optimistic_) ||
        now >= optimistic_due_) {
        optimistic_.reset();
        std::erase_if(ranked, [&](const Customer& customer) { return unchoked.contains(customer.id); });
        std::vector<std::tuple<TimePoint, std::uint64_t, Id>> waiting;
        for (const Customer& customer : ranked)
            waiting.emplace_back(records_.at(customer.id).optimistic_at, rng_.next(), customer.id);
        if (!waiting.empty()) {
            optimistic_ = std::get<2>(*std::ranges::min_element(waiting));
            records_.at(*optimistic_).optimistic_at = now;
            optimistic_due_ = now + kOptimisticFor;
        }
    }
    if (optimistic_) unchoked.insert(*optimistic_);
    return unchoked;
}

/// The fastest get the slots. One more is drawn from the others for four rounds, new ones with three lots.
std::set<RemoteChoker::Id> RemoteChoker::transmission_round(std::span<const Customer> interested,
                                                            bool is_seed, TimePoint now) {
    std::vector<std::tuple<std::uint64_t, std::uint64_t, Id>> by_rate;
    for (const Customer& customer : interested) {
        const Record& r = records_.at(customer.id);
        by_rate.emplace_back(lately(is_seed ? r.given_lately : r.got_lately), rng_.next(), customer.id);
    }
    std::ranges::sort(by_rate, std::greater{});
    std::set<Id> unchoked;
    std::vector<Id> lots;
    for (const auto& [rate, salt, id] : by_rate) {
        if (unchoked.size() < kSlots) {
            unchoked.insert(id);
            continue;
        }
        const bool is_new = now - records_.at(id).since < kNewFor;
        lots.insert(lots.end(), is_new ? kNewWeight : 1, id);
    }
    const bool still_waits = optimistic_ && std::ranges::find(lots, *optimistic_) != lots.end();
    if (rounds_++ % kOptimisticRounds == 0 || !still_waits) {
        optimistic_.reset();
        if (!lots.empty()) optimistic_ = lots[rng_.below(lots.size())];
    }
    if (optimistic_) unchoked.insert(*optimistic_);
    return unchoked;
}

}  // namespace btfs::sim
