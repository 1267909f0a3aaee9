// Our requests to one peer that are not answered yet, matched with the blocks that come.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "engine/core/layout.hpp"
#include "engine/core/time.hpp"

namespace btfs::wire {

struct RequestInFlight {
    BlockRef block;
    TimePoint since;  ///< when it was sent; of a cancelled one, when it was cancelled
    bool cancelled = false;
};

/// Requests in the order in which they were sent. A cancelled request is in flight until it is answered, for
/// kCancelledFor at most, since old clients never answer one. A request that ended on our side alone, by a
/// choke or unanswered, is remembered for a while: its block may still come (BEP 3).
class RequestsInFlight {
  public:
    static constexpr Duration kCancelledFor = std::chrono::seconds(20);
    /// Requests that are remembered after they ended on our side alone.
    static constexpr std::size_t kMaxForgotten = 4096;
    /// The kind of request that a block answers.
    enum class Answers : std::uint8_t { wanted, cancelled, nothing };

    // ---- what is in flight: cancelled ones too ----
    auto begin() const { return requests_.begin(); }
    auto end() const { return requests_.end(); }
    bool empty() const { return requests_.empty(); }
    std::size_t size() const { return requests_.size(); }
    const RequestInFlight& front() const { return requests_.front(); }
    std::uint64_t bytes() const { return bytes_; }
    /// Bytes up to and with this block, if the peer answers in order.
    std::uint64_t bytes_until(const BlockRef& block) const;
    /// When the oldest request was sent that is not cancelled.
    std::optional<TimePoint> oldest() const;
    /// When the latest request was sent that its block has answered. A peer that answers in order has
    /// answered all before it.
    TimePoint answered_until() const { return answered_until_; }
    /// The block that is coming in right now.
    const std::optional<BlockRef>& under_way() const { return under_way_; }
    /// The n-th block that comes next after the one under way, if all comes in order; null if it does not, or
    /// if that block is not wanted any more.
    const BlockRef* expected(std::size_t n) const;
    TimePoint next_timeout() const;

    // ---- what happens to it ----
    void add(const BlockRef& block, TimePoint now);
    /// `to_tell`: a Cancel is to be sent. `under_way`: it would come too late; the block's further bytes are
    /// not wanted.
    enum class Cancelled : std::uint8_t { not_in_flight, to_tell, under_way };
    Cancelled cancel(const BlockRef& block, TimePoint now);
    void handle_timeout(TimePoint now);
    /// The peer has dropped all requests (BEP 3), except the one under way. Returns those that were not
    /// cancelled.
    std::vector<BlockRef> drop_all();
    /// The peer will not answer the request. Empty if there is none such.
    std::optional<RequestInFlight> reject(const BlockRef& block);

    /// A block is coming in; nothing if it was not asked for.
    std::optional<Answers> begin_block(const BlockRef& block);
    /// An empty one, which is how BitComet rejects what was asked for at this place; nothing if nothing was.
    std::optional<RequestInFlight> begin_rejection(const BlockRef& empty);
    /// All of it is here.
    Answers end_block();

  private:
    using Iterator = std::deque<RequestInFlight>::iterator;

    /// A block may have been asked for again before the peer told what became of a cancelled request for it.
    Iterator find(const BlockRef& block, bool cancelled);
    RequestInFlight take_out(Iterator request);
    void uncount(const RequestInFlight& request);
    bool is_under_way(const RequestInFlight& request) const;
    void forget(const BlockRef& block);
    bool was_forgotten(const BlockRef& block);
    void forget_cancelled_before(TimePoint time);

    std::deque<RequestInFlight> requests_;
    std::uint64_t bytes_ = 0;          // their sizes together
    std::size_t cancelled_count_ = 0;  // of requests_
    TimePoint answered_until_{};
    bool answers_cancels_ = false;  ///< it has rejected a request that was cancelled
    std::deque<BlockRef> forgotten_;
    std::optional<BlockRef> under_way_;
    Answers under_way_answers_ = Answers::nothing;
};

}  // namespace btfs::wire
