#include "engine/wire/requests_in_flight.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace btfs::wire {

std::uint64_t RequestsInFlight::bytes_until(const BlockRef& block) const {
    std::uint64_t bytes = 0;
    for (const RequestInFlight& r : requests_) {
        bytes += r.block.size;
        if (r.block == block) break;
    }
    return bytes;
}

std::optional<TimePoint> RequestsInFlight::oldest() const {
    const auto found = std::ranges::find(requests_, false, &RequestInFlight::cancelled);
    if (found == requests_.end()) return std::nullopt;
    return found->since;
}

const BlockRef* RequestsInFlight::expected(std::size_t n) const {
    const std::size_t at = n + (under_way_ ? 1 : 0);
    if (at >= requests_.size()) return nullptr;
    // The block under way may answer a request further back, if an earlier one for it was cancelled.
    if (under_way_ && !is_under_way(requests_.front())) return nullptr;
    return requests_[at].cancelled ? nullptr : &requests_[at].block;
}

TimePoint RequestsInFlight::next_timeout() const {
    TimePoint next = kNever;
    if (cancelled_count_ == 0) return next;
    for (const RequestInFlight& r : requests_)
        if (r.cancelled) next = std::min(next, r.since + kCancelledFor);
    return next;
}

void RequestsInFlight::add(const BlockRef& block, TimePoint now) {
    requests_.push_back({block, now, false});
    bytes_ += block.size;
}

RequestsInFlight::Cancelled RequestsInFlight::cancel(const BlockRef& block, TimePoint now) {
    const auto found = find(block, false);
    if (found == requests_.end()) return Cancelled::not_in_flight;
    const bool under_way = is_under_way(*found);
    found->cancelled = true;
    found->since = now;
    ++cancelled_count_;
    if (!under_way) return Cancelled::to_tell;
    under_way_answers_ = Answers::cancelled;
    return Cancelled::under_way;
}

void RequestsInFlight::handle_timeout(TimePoint now) {
    if (cancelled_count_ == 0) return;
    std::erase_if(requests_, [&](const RequestInFlight& r) {
        if (!r.cancelled || now < r.since + kCancelledFor || under_way_ == r.block) return false;
        forget(r.block);
        uncount(r);
        return true;
    });
}

std::vector<BlockRef> RequestsInFlight::drop_all() {
    std::vector<BlockRef> wanted;
    std::erase_if(requests_, [&](const RequestInFlight& r) {
        if (is_under_way(r)) return false;
        forget(r.block);
        uncount(r);
        if (!r.cancelled) wanted.push_back(r.block);
        return true;
    });
    return wanted;
}

std::optional<RequestInFlight> RequestsInFlight::reject(const BlockRef& block) {
    auto found = find(block, true);
    if (found == requests_.end()) found = find(block, false);
    if (found == requests_.end()) return std::nullopt;
    answers_cancels_ = answers_cancels_ || found->cancelled;
    return take_out(found);
}

std::optional<RequestsInFlight::Answers> RequestsInFlight::begin_block(const BlockRef& block) {
    assert(!under_way_);
    Answers answers = Answers::wanted;
    if (find(block, false) == requests_.end()) {
        const bool cancelled = find(block, true) != requests_.end();
        if (!cancelled && !was_forgotten(block)) return std::nullopt;
        answers = cancelled ? Answers::cancelled : Answers::nothing;
    }
    under_way_ = block;
    under_way_answers_ = answers;
    return answers;
}

std::optional<RequestInFlight> RequestsInFlight::begin_rejection(const BlockRef& empty) {
    assert(!under_way_);
    const auto found = std::ranges::find_if(requests_, [&](const RequestInFlight& r) {
        return r.block.piece == empty.piece && r.block.offset_in_piece == empty.offset_in_piece;
    });
    if (found == requests_.end()) return std::nullopt;
    under_way_ = empty;
    under_way_answers_ = Answers::nothing;
    return take_out(found);
}

RequestsInFlight::Answers RequestsInFlight::end_block() {
    const BlockRef block = *std::exchange(under_way_, std::nullopt);
    const Answers answers = std::exchange(under_way_answers_, Answers::nothing);
    if (answers == Answers::nothing) return answers;
    const bool wanted = answers == Answers::wanted;
    const auto found = find(block, !wanted);
    assert(found != requests_.end());
    const TimePoint asked = take_out(found).since;
    if (!wanted) return answers;
    // If an earlier request for the block was cancelled, the block may answer either of the two: that tells
    // nothing of what the peer has read.
    if (const auto earlier = find(block, true); earlier != requests_.end()) {
        forget(take_out(earlier).block);
        return answers;
    }
    answered_until_ = std::max(answered_until_, asked);
    forget_cancelled_before(asked);
    return answers;
}

RequestsInFlight::Iterator RequestsInFlight::find(const BlockRef& block, bool cancelled) {
    if (cancelled && cancelled_count_ == 0) return requests_.end();
    return std::ranges::find_if(
        requests_, [&](const RequestInFlight& r) { return r.block == block && r.cancelled == cancelled; });
}

RequestInFlight RequestsInFlight::take_out(Iterator request) {
    const RequestInFlight taken = *request;
    uncount(taken);
    requests_.erase(request);
    return taken;
}

void RequestsInFlight::uncount(const RequestInFlight& request) {
    bytes_ -= request.block.size;
    cancelled_count_ -= request.cancelled ? 1 : 0;
}

bool RequestsInFlight::is_under_way(const RequestInFlight& request) const {
    return under_way_ == request.block &&
           under_way_answers_ == (request.cancelled ? Answers::cancelled : Answers::wanted);
}

void RequestsInFlight::forget(const BlockRef& block) {
    if (forgotten_.size() == kMaxForgotten) forgotten_.pop_front();
    forgotten_.push_back(block);
}

bool RequestsInFlight::was_forgotten(const BlockRef& block) {
    const auto found = std::ranges::find(forgotten_, block);
    if (found == forgotten_.end()) return false;
    forgotten_.erase(found);
    return true;
}

/// Forgets requests that were cancelled before `time`: a peer that answers a request sent after a Cancel has
/// read that Cancel. Some clients, such as Transmission, never answer a Cancel itself.
void RequestsInFlight::forget_cancelled_before(TimePoint time) {
    if (answers_cancels_ || cancelled_count_ == 0) return;
    std::erase_if(requests_, [&](const RequestInFlight& r) {
        if (!r.cancelled || r.since >= time) return false;
        forget(r.block);
        uncount(r);
        return true;
    });
}

}  // namespace btfs::wire
