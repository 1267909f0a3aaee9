#include "engine/utp/send_queue.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace btfs::utp {
namespace {

/// A transmission that is older than the round trip by this part of it, while a later one has arrived, is
/// lost.
constexpr int kPatienceParts = 8;
/// After packets came late, by so many parts at most.
constexpr int kMostLate = 8;
/// An idle connection keeps no larger ring.
constexpr std::size_t kKeptSendRing = 64;
constexpr Duration kLeastPatience = std::chrono::milliseconds(1);
/// Bytes of the only selective acknowledgement that libutp knows. Those of others are as short if they tell
/// of few packets; what lies behind these is then untold for a moment.
constexpr std::size_t kShortSelectiveAckSize = 4;

/// A position in a list of buffers.
class Gather {
  public:
    explicit Gather(std::span<const iovec> from) : from_(from) {}
    std::size_t copy_to(std::byte* to, std::size_t most) {
        std::size_t done = 0;
        while (done < most && !from_.empty()) {
            const iovec& buffer = from_.front();
            const std::size_t n = std::min(buffer.iov_len - offset_, most - done);
            std::memcpy(to + done, static_cast<const std::byte*>(buffer.iov_base) + offset_, n);
            done += n;
            offset_ += n;
            if (offset_ == buffer.iov_len) {
                from_ = from_.subspan(1);
                offset_ = 0;
            }
        }
        return done;
    }

  private:
    std::span<const iovec> from_;
    std::size_t offset_ = 0;
};

}  // namespace

SendQueue::~SendQueue() {
    for (SequenceIndex i = first_; i < end_; ++i)
        if (at(i).bytes) {
            budget_.give(PacketPool::kBlockSize);
            pool_.give(std::move(at(i).bytes));
        }
}

SendQueue::Entry& SendQueue::add(PacketType type, std::size_t room) {
    if (end_ - first_ == ring_.size()) {
        std::vector<Entry> grown(std::max<std::size_t>(2 * ring_.size(), 16));
        for (SequenceIndex i = first_; i < end_; ++i) grown[i & (grown.size() - 1)] = std::move(at(i));
        ring_ = std::move(grown);
    }
    Entry& entry = at(end_++);
    entry = {};
    entry.bytes = pool_.take();
    budget_.take(PacketPool::kBlockSize);
    entry.type = type;
    entry.size = PacketHeader::kSize;
    entry.room = static_cast<std::uint16_t>(std::min(room, PacketPool::kBlockSize));
    return entry;
}

std::size_t SendQueue::room_in_last() const {
    if (unsent_ == end_ || fin_queued_) return 0;
    const Entry& last = ring_[(end_ - 1) & (ring_.size() - 1)];
    return last.room - last.size;
}

std::size_t SendQueue::append(std::span<const iovec> from, std::size_t limit, std::size_t packet_size,
                              std::size_t probe_size) {
    std::size_t total = 0;
    for (const iovec& buffer : from) total += buffer.iov_len;
    total = std::min(total, limit);
    Gather gather(from);
    std::size_t done = 0;
    while (done < total) {
        Entry* last = room_in_last() > 0 ? &at(end_ - 1) : nullptr;
        if (!last) {
            const bool probe = probe_size > 0 && total - done >= probe_size - PacketHeader::kSize;
            last = &add(PacketType::data, probe ? probe_size : packet_size);
            last->probe = probe;
            if (probe) probe_size = 0;
        }
        const std::size_t n = std::min<std::size_t>(total - done, last->room - last->size);
        gather.copy_to(last->bytes.get() + last->size, n);
        last->size = static_cast<std::uint16_t>(last->size + n);
        waiting_bytes_ += n;
        done += n;
    }
    return done;
}

void SendQueue::append_fin() {
    if (fin_queued_) return;
    add(PacketType::fin, PacketHeader::kSize);
    fin_queued_ = true;
}

void SendQueue::sent(SequenceIndex index, TimePoint now) {
    Entry& entry = at(index);
    if (index == unsent_) {
        ++unsent_;
        waiting_bytes_ -= entry.size - PacketHeader::kSize;
        unacknowledged_bytes_ += entry.size;
    } else {
        leave(index);
    }
    entry.state = State::in_flight;
    ++entry.times_sent;
    entry.transmission = ++transmissions_;
    entry.sent_at = now;
    in_flight_bytes_ += entry.size;
    push(in_flight_, index);
}

SendQueue::Acknowledged SendQueue::acknowledge(SequenceIndex through, ByteView selective, bool tells_all,
                                               const RoundTrip& round_trip, TimePoint now) {
    assert(through < unsent_);
    Acknowledged result;
    while (first_ <= through) {
        mark_acknowledged(first_, round_trip, now, result);
        unacknowledged_bytes_ -= at(first_).size;
        ++first_;
    }
    for (std::size_t byte = 0; byte < selective.size(); ++byte) {
        const auto bits = std::to_integer<unsigned>(selective[byte]);
        const SequenceIndex base = through + 2 + byte * 8;
        if (base >= unsent_) break;
        for (unsigned bit = 0; bits >> bit != 0; ++bit) {
            const SequenceIndex index = base + bit;
            if ((bits >> bit & 1) != 0 && index >= first_ && index < unsent_)
                mark_acknowledged(index, round_trip, now, result);
        }
    }
    if (selective.size() == kShortSelectiveAckSize)
        told_through_ = through + 1 + kShortSelectiveAck;
    else if (!selective.empty() || tells_all)
        told_through_ = kAll;
    if (result.came_late) {
        late_ = std::min(late_ + 1, kMostLate);
        reorder_ = std::min(2 * reorder_, kMostReorder);
    }
    if (empty() && ring_.size() > kKeptSendRing) ring_ = std::vector<Entry>();
    return result;
}

void SendQueue::mark_acknowledged(SequenceIndex index, const RoundTrip& round_trip, TimePoint now,
                                  Acknowledged& result) {
    Entry& entry = at(index);
    if (entry.state == State::acknowledged) return;
    const Duration age = now - entry.sent_at;
    leave(index);
    // An answer sooner than a round trip after the last transmission is one to an earlier transmission.
    const bool late = entry.state == State::lost ||
                      (entry.times_sent > 1 && round_trip.known() && age < round_trip.shortest() * 3 / 4);
    if (late) {
        result.came_late |= entry.overtaken;
    } else {
        latest_arrived_ = std::max(latest_arrived_, entry.transmission);
    }
    if (entry.transmission > result.latest_transmission) {
        result.latest_transmission = entry.transmission;
        result.round_trip = entry.times_sent == 1 ? std::optional(age) : std::nullopt;
    }
    if (entry.probe) result.probe_size = entry.size;
    result.bytes += entry.size;
    entry.state = State::acknowledged;
    budget_.give(PacketPool::kBlockSize);
    pool_.give(std::move(entry.bytes));
}

Duration SendQueue::patience(const RoundTrip& round_trip) const {
    const Duration trip = std::max(round_trip.smoothed(), round_trip.latest());
    return std::max(trip + trip * (1 + late_) / kPatienceParts, trip + kLeastPatience);
}

SequenceIndex SendQueue::next_told_of(SequenceIndex index) const {
    while (index != 0 && !is_told_of(index)) index = ring_[index & (ring_.size() - 1)].next;
    return index;
}

SendQueue::Lost SendQueue::find_losses(const RoundTrip& round_trip, TimePoint now) {
    Lost result;
    for (SequenceIndex index = next_told_of(untold_.head); index != 0;) {
        const SequenceIndex next = next_told_of(at(index).next);
        lose(index, true, result);
        index = next;
    }
    while (in_flight_.head != 0) {
        const SequenceIndex index = in_flight_.head;
        Entry& entry = at(index);
        if (entry.transmission >= latest_arrived_) break;
        const bool overtaken = latest_arrived_ - entry.transmission >= reorder_;
        const bool old = round_trip.known() && now >= entry.sent_at + patience(round_trip);
        if (!overtaken && !old) break;
        if (is_told_of(index)) {
            lose(index, true, result);
        } else {
            leave(index);
            entry.state = State::untold;
            push(untold_, index);
        }
    }
    // Else nothing would ever be sent again: a receiver that has all but these has not told so.
    if (in_flight_.head == 0 && lost_.head == 0 && untold_.head != 0) lose(untold_.head, true, result);
    return result;
}

TimePoint SendQueue::next_loss_at(const RoundTrip& round_trip) const {
    if (in_flight_.head == 0 || !round_trip.known()) return kNever;
    const Entry& entry = ring_[in_flight_.head & (ring_.size() - 1)];
    return entry.transmission < latest_arrived_ ? entry.sent_at + patience(round_trip) : kNever;
}

std::size_t SendQueue::time_out() {
    Lost result;
    for (SequenceIndex i = first_; i < unsent_; ++i) {
        Entry& entry = at(i);
        if (entry.state == State::acknowledged) continue;
        if (entry.state != State::lost) {
            lose(i, false, result);
        } else {  // again behind those before it: the receiver waits for the first one
            remove(lost_, i);
            push(lost_, i);
        }
    }
    return result.probe_size;
}

void SendQueue::leave(SequenceIndex index) {
    const Entry& entry = at(index);
    if (entry.state == State::in_flight) in_flight_bytes_ -= entry.size;
    remove(entry.state == State::in_flight ? in_flight_
           : entry.state == State::untold  ? untold_
                                           : lost_,
           index);
}

void SendQueue::lose(SequenceIndex index, bool overtaken, Lost& result) {
    Entry& entry = at(index);
    if (entry.probe)
        result.probe_size = entry.size;
    else
        result.latest_sent_at = std::max(result.latest_sent_at.value_or(TimePoint{}), entry.sent_at);
    leave(index);
    entry.state = State::lost;
    entry.probe = false;
    entry.overtaken = overtaken;
    push(lost_, index);
}

void SendQueue::push(List& list, SequenceIndex index) {
    Entry& entry = at(index);
    entry.previous = list.tail;
    entry.next = 0;
    (list.tail != 0 ? at(list.tail).next : list.head) = index;
    list.tail = index;
}

void SendQueue::remove(List& list, SequenceIndex index) {
    const Entry& entry = at(index);
    (entry.previous != 0 ? at(entry.previous).next : list.head) = entry.next;
    (entry.next != 0 ? at(entry.next).previous : list.tail) = entry.previous;
}

}  // namespace btfs::utp
