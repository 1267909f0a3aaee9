#include "cache/bound/evictor.hpp"

#include <algorithm>

namespace btfs {

Evictor::Evictor(DiskBudget& budget, DiskPool& pool) : budget_(budget), pool_(pool) {
    budget_.on_shortage([this] { return reserve(); }, [this] { wake(); });
}

Evictor::~Evictor() {
    jobs_.wait_until_unused();
}

std::uint64_t Evictor::reserve() const {
    const std::uint64_t limit = budget_.limit();
    return std::min(limit / 4,
                    std::max({kLeastReserve, limit / kReserveShare, kReservePieces * largest_piece_}));
}

std::uint64_t Evictor::blocked_reserve() const {
    return std::min<std::uint64_t>(largest_piece_, budget_.limit() / 8);
}

std::uint64_t Evictor::background_reserve() const {
    return reserve() + budget_.limit() / kExtraShare + largest_piece_;
}

std::uint64_t Evictor::longest_window() const {
    return budget_.limit() / kWindowShare / static_cast<std::uint64_t>(std::max(readers_.load(), 1));
}

bool Evictor::take_leased(std::uint64_t bytes) {
    const std::uint64_t limit = budget_.limit();
    const std::uint64_t most =
        std::min(limit / kLeasedShare, limit - std::min(limit, 2 * largest_piece_.load()));
    std::uint64_t leased = leased_;
    do {
        if (leased + bytes > most) return false;
    } while (!leased_.compare_exchange_weak(leased, leased + bytes));
    return true;
}

void Evictor::start() {
    started_ = true;
    wake();  // there may be more than there is room for
}

void Evictor::count_arrived(std::uint64_t bytes, TimePoint now) {
    missing_ -= bytes;
    std::lock_guard lock(arrivals_mutex_);
    arrivals_.add(bytes, now);
}

bool Evictor::lasts(TimePoint now) const {
    if (missing_ <= budget_.free()) return true;
    std::lock_guard lock(arrivals_mutex_);
    return arrivals_.bytes_per_second(now) * seconds(kLasts) <= static_cast<double>(budget_.limit());
}

void Evictor::add(Evictable& store, std::uint64_t piece) {
    {
        std::lock_guard lock(mutex_);
        stores_.push_back(&store);
        largest_piece_ = std::max(largest_piece_.load(), piece);
    }
    wake();  // there may be more than there is room for
}

void Evictor::remove(Evictable& store) {
    std::lock_guard lock(mutex_);
    std::erase(stores_, &store);
}

void Evictor::wake() {
    if (!started_ || awake_.exchange(true)) return;
    pool_.submit_always(DiskWork::verify, [this, token = jobs_.use()] { evict_some(); });
}

void Evictor::evict_some() {
    awake_ = false;
    std::lock_guard lock(mutex_);
    std::uint64_t leaving = 0;
    for (const Evictable* store : stores_) leaving += store->leaving();
    const std::uint64_t limit = budget_.limit(), used = budget_.used();
    const std::uint64_t waited_for = std::min(limit, budget_.waited_for());
    const std::uint64_t to_be_free = std::max(reserve(), waited_for);
    const auto left_after = [leaving](std::uint64_t bytes) { return bytes - std::min(bytes, leaving); };
    const std::uint64_t needed = left_after(used + to_be_free);
    if (needed <= limit) return;
    // To look at all pieces costs something: so some more is made free than has to be.
    const std::uint64_t wanted = needed - limit + limit / kExtraShare;
    std::vector<EvictionCandidate> candidates;
    for (std::uint32_t i = 0; i < stores_.size(); ++i)
        stores_[i]->list_evictable(i, look_back_in(limit), candidates);
    std::uint64_t pinned = 0;
    for (const EvictionCandidate& candidate : candidates)
        if (candidate.worth.kind == Worth::Kind::pinned) pinned += candidate.bytes_on_disk;
    pinned_ = pinned;
    const std::uint64_t urgently = std::min(limit, budget_.urgently_waited_for());
    const std::uint64_t needed_now = left_after(used + urgently);
    const std::uint64_t urgent = urgently > 0 && needed_now > limit ? needed_now - limit : 0;
    keep_least_worthy(candidates, wanted, urgent);
    std::uint64_t found = 0;
    for (const EvictionCandidate& candidate : candidates) found += candidate.bytes_on_disk;
    evicted_ += found;
    if (found < urgent)
        for (Evictable* store : stores_) store->give_up_spare();
    std::vector<std::vector<std::uint32_t>> of_store(stores_.size());
    for (const EvictionCandidate& candidate : candidates) of_store[candidate.owner].push_back(candidate.item);
    for (std::size_t i = 0; i < stores_.size(); ++i)
        if (!of_store[i].empty()) stores_[i]->evict(std::move(of_store[i]));
}

}  // namespace btfs
