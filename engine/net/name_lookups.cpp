#include "engine/net/name_lookups.hpp"

#include <algorithm>
#include <cassert>

#include "engine/core/ascii.hpp"

namespace btfs::net {
namespace {

NameQuestion lower_case(const NameQuestion& question) {
    NameQuestion out = question;
    out.name = ascii_lower(out.name);
    return out;
}

}  // namespace

std::optional<NameLookups::Answer> NameLookups::ask(WaiterId waiter, const NameQuestion& asked,
                                                    LookUp look_up, TimePoint now) {
    const NameQuestion question = lower_case(asked);
    if (const Cached* cached = cached_answer(question, now)) return cached->answer;
    auto found = lookups_.find(question);
    if (found == lookups_.end()) {
        if (queue_.size() >= kMaxQueued) return make_error_code(Errc::resolver_busy);
        found = lookups_.emplace(question, Lookup{}).first;
        found->second.place = Place{look_up == LookUp::ordinary, next_number_++};
        queue_.emplace(*found->second.place, question);
    } else if (look_up == LookUp::urgent) {
        make_urgent(found);
    }
    found->second.waiters.push_back(waiter);
    waiters_.emplace(waiter, question);
    return std::nullopt;
}

void NameLookups::hurry(const NameQuestion& question) {
    const auto found = lookups_.find(lower_case(question));
    if (found != lookups_.end()) make_urgent(found);
}

void NameLookups::make_urgent(Lookups::iterator lookup) {
    std::optional<Place>& place = lookup->second.place;
    if (!place || !place->ordinary) return;
    auto node = queue_.extract(*place);
    place->ordinary = false;
    node.key() = *place;
    queue_.insert(std::move(node));
}

void NameLookups::leave(WaiterId waiter) {
    const auto node = waiters_.extract(waiter);
    if (node.empty()) return;
    const auto found = lookups_.find(node.mapped());
    assert(found != lookups_.end());
    std::erase(found->second.waiters, waiter);
    if (!found->second.waiters.empty()) return;
    // A question that was sent is forgotten, too: the next waiter asks anew instead of waiting for an answer
    // that may be lost.
    if (found->second.place) queue_.erase(*found->second.place);
    lookups_.erase(found);
}

std::optional<NameQuestion> NameLookups::poll_question() {
    if (queue_.empty()) return std::nullopt;
    const auto first = queue_.begin();
    const std::size_t places = first->first.ordinary ? kMaxInFlight - kKeptForUrgent : kMaxInFlight;
    if (in_flight_ >= places) return std::nullopt;
    NameQuestion question = first->second;
    lookups_.at(question).place.reset();
    queue_.erase(first);
    ++in_flight_;
    return question;
}

std::vector<NameLookups::WaiterId> NameLookups::handle_answer(const NameQuestion& question,
                                                              const Answer& answer, Duration life,
                                                              TimePoint now) {
    assert(in_flight_ > 0);
    --in_flight_;
    if (answer) {
        keep(question, answer, now + std::clamp<Duration>(life, kShortestLife, kLongestLife));
    } else if (answer.error() == Errc::name_not_found) {
        keep(question, answer, now + kFailureLife);
    }
    const auto found = lookups_.find(question);
    if (found == lookups_.end()) return {};
    std::vector<WaiterId> waiters = std::move(found->second.waiters);
    if (found->second.place) queue_.erase(*found->second.place);  // queued a second time meanwhile
    lookups_.erase(found);
    for (const WaiterId waiter : waiters) waiters_.erase(waiter);
    return waiters;
}

const NameLookups::Cached* NameLookups::cached_answer(const NameQuestion& question, TimePoint now) {
    while (!ends_.empty() && ends_.begin()->first <= now) {
        cache_.erase(ends_.begin()->second);
        ends_.erase(ends_.begin());
    }
    const auto found = cache_.find(question);
    return found == cache_.end() ? nullptr : &found->second;
}

void NameLookups::keep(const NameQuestion& question, const Answer& answer, TimePoint until) {
    if (const auto old = cache_.find(question); old != cache_.end()) {
        ends_.erase({old->second.until, question});
        cache_.erase(old);
    }
    if (cache_.size() >= kMaxCached) {
        cache_.erase(ends_.begin()->second);
        ends_.erase(ends_.begin());
    }
    cache_.emplace(question, Cached{answer, until});
    ends_.emplace(until, question);
}

}  // namespace btfs::net
