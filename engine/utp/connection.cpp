#include "engine/utp/connection.hpp"

#include <algorithm>

#include "engine/utp/connections.hpp"

namespace btfs::utp {
namespace {

namespace errc = boost::system::errc;

/// Content that may wait or be unacknowledged though the budget of all connections is spent.
constexpr std::size_t kGuaranteedSending = 16 * 1024;
/// Packets beyond this many are acknowledged together.
constexpr std::size_t kAckEvery = 2;
/// A window smaller than this counts as closed, when we tell it.
constexpr std::size_t kClosedWindow = 2 * 1500;
/// A fall of the other direction's least delay up to this comes from clocks that run at different speeds.
constexpr std::uint32_t kMostDrift_us = 10'000;
/// libutp's word for "no sample".
constexpr std::uint32_t kNoDelay = 0x7fff'ffff;
/// Others acknowledge so late at most.
constexpr Duration kTheirAckDelay = std::chrono::milliseconds(100);
constexpr Duration kFirstWindowProbe = std::chrono::milliseconds(500);
/// The rate at which packets leave, as a part of the window in a round trip.
constexpr double kPaceInSlowStart = 2, kPace = 1.25;
/// A probe is sent when the window holds so many packets: its loss must not stop the connection.
constexpr std::size_t kPacketsForProbe = 3;

std::uint32_t microseconds(TimePoint at) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count());
}

std::uint32_t microseconds(Duration d) {
    return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(d).count());
}

}  // namespace

Connection::Connection(Connections& all, const Endpoint& remote, std::uint16_t id,
                       std::uint16_t sequence_number, User* user, bool punch)
    : all_(all),
      remote_(remote),
      receive_id_(id),
      send_id_(static_cast<std::uint16_t>(id + 1)),
      user_(user),
      connected_told_(false),
      punches_(punch),
      mtu_(remote.address.family()),
      window_(1400),
      sending_(all.budget(), all.pool(), first_index(sequence_number) + 1),
      syn_number_(sequence_number) {}

Connection::Connection(Connections& all, const ReceivedDatagram& first, std::uint16_t id,
                       SequenceIndex their_first, SequenceIndex our_first, TimePoint now)
    : all_(all),
      remote_(first.from),
      local_(first.to),
      receive_id_(static_cast<std::uint16_t>(id + 1)),
      send_id_(id),
      state_(State::connected),
      mtu_(remote_.address.family()),
      window_(1400),
      sending_(all.budget(), all.pool(), our_first),
      heard_at_(now),
      sent_at_(now) {
    received_.emplace(all.budget(), their_first);
}

// ---- the application's ----

Result<std::size_t> Connection::read(std::span<const iovec> into) {
    if (received_) {
        const std::size_t n = received_->read(into);
        if (n > 0) {
            all_.touch(*this);  // the window may have opened
            return n;
        }
    }
    if (state_ == State::failed) return error_;
    if (received_ && received_->ended()) return Errc::connection_closed;
    return std::size_t{0};
}

Result<std::size_t> Connection::write(std::span<const iovec> from) {
    if (state_ == State::failed) return error_;
    const std::size_t free = room();
    if (free == 0 || state_ != State::connected) return std::size_t{0};
    std::size_t total = 0;
    for (const iovec& buffer : from) total += buffer.iov_len;
    // Whole packets as long as there is more to come: others would be cut short.
    std::size_t limit = free;
    const std::size_t payload = mtu_.packet_size() - PacketHeader::kSize;
    if (const std::size_t last = sending_.room_in_last(); total > limit && limit > last + payload)
        limit -= (limit - last) % payload;
    std::optional<std::size_t> probe;
    if (window_.bytes() >= kPacketsForProbe * PacketPool::kBlockSize) probe = mtu_.probe_wanted(all_.now());
    const SequenceIndex end_before = sending_.end();
    const std::size_t taken = sending_.append(from, limit, mtu_.packet_size(), probe.value_or(0));
    if (probe)
        for (SequenceIndex i = end_before; i < sending_.end(); ++i)
            if (sending_.at(i).probe) mtu_.probe_sent(sending_.at(i).size);
    if (taken > 0) all_.touch(*this);
    return taken;
}

void Connection::wait_readable() {
    waits_readable_ = true;
    if (readable()) all_.touch(*this);
}

void Connection::wait_writable() {
    waits_writable_ = true;
    if (writable()) all_.touch(*this);
}

void Connection::release() {
    user_ = nullptr;
    released_ = true;
    all_.count_released();
    if (state_ == State::connected) {
        received_->discard();
        sending_.append_fin();
    } else {
        state_ = State::gone;
    }
    all_.touch(*this);
}

std::size_t Connection::ahead() const {
    return std::clamp(window_.bytes(), kLeastAhead, kMostAhead);
}

std::size_t Connection::room() const {
    const std::size_t waiting = sending_.waiting_bytes();
    if (all_.budget().free() < kMostAhead) {
        const std::size_t held = waiting + sending_.unacknowledged_bytes();
        return held < kGuaranteedSending ? kGuaranteedSending - held : 0;
    }
    return waiting < ahead() ? ahead() - waiting : 0;
}

bool Connection::readable() const {
    return state_ == State::failed || (received_ && (received_->readable() > 0 || received_->ended()));
}

bool Connection::writable() const {
    if (state_ != State::connected) return state_ == State::failed;
    return sending_.waiting_bytes() <= ahead() / 2 && room() > 0;
}

bool Connection::has_notice() const {
    if (!user_) return false;
    if (!connected_told_) return state_ != State::connecting;
    return (waits_readable_ && readable()) || (waits_writable_ && writable());
}

bool Connection::notify() {
    if (!has_notice()) return false;
    if (!connected_told_) {
        connected_told_ = true;
        user_->on_connected(error_);
    } else if (waits_readable_ && readable()) {
        waits_readable_ = false;
        user_->on_readable();
    } else {
        waits_writable_ = false;
        user_->on_writable();
    }
    return true;
}

// ---- what comes ----

void Connection::fail(Error error) {
    if (state_ == State::failed || state_ == State::gone) return;
    error_ = error;
    state_ = released_ ? State::gone : State::failed;
}

void Connection::handle(const Packet& packet, const ReceivedDatagram& datagram, TimePoint now) {
    if (state_ == State::failed || state_ == State::gone) return;
    if (packet.header.type == PacketType::reset) return handle_reset(packet);
    if (state_ == State::connecting) {
        if (packet.header.type == PacketType::state && packet.header.ack_number == syn_number_) {
            take_delay(packet, datagram.arrived_at, now);
            local_ = datagram.to;
            handle_syn_ack(packet, now);
        }
        return;
    }
    if (!acknowledge(packet, datagram.arrived_at, now)) return;
    if (packet.header.type == PacketType::data || packet.header.type == PacketType::fin)
        take_content(packet, now);
    if (released_ && sending_.empty()) state_ = State::gone;
}

void Connection::handle_reset(const Packet& packet) {
    if (state_ == State::connecting) {
        const auto before = static_cast<std::uint16_t>(syn_number_ - packet.header.ack_number);
        if (before <= 1) fail(make_error_code(errc::connection_refused));
        return;
    }
    const SequenceIndex named = nearest_index(sending_.first() - 1, packet.header.ack_number);
    if (named > sending_.unsent() || named + kOldAcks < sending_.first()) return;
    fail(make_error_code(errc::connection_reset));
}

void Connection::handle_syn_ack(const Packet& packet, TimePoint now) {
    received_.emplace(all_.budget(), first_index(packet.header.sequence_number));
    state_ = State::connected;
    their_window_ = packet.header.window_size;
    heard_at_ = now;
    if (syns_ == 1) round_trip_.add(now - progress_at_);
    first_unanswered_at_ = kNever;
    timeouts_ = 0;
}

/// False if the packet is none of this connection: it acknowledges what was never sent, or long ago.
bool Connection::acknowledge(const Packet& packet, TimePoint arrived_at, TimePoint now) {
    const SequenceIndex through = nearest_index(sending_.first() - 1, packet.header.ack_number);
    if (through >= sending_.unsent() || through + kOldAcks < sending_.first()) return false;
    heard_at_ = now;
    take_delay(packet, arrived_at, now);
    if (through + 1 < sending_.first()) return true;  // overtaken by another, or a keepalive of libutp

    const bool reopened = (window_probes_ > 0 || timeouts_ > 0) && their_window_ < PacketPool::kBlockSize &&
                          packet.header.window_size >= PacketPool::kBlockSize;
    their_window_ = packet.header.window_size;
    const auto acked = sending_.acknowledge(through, packet.selective_ack,
                                            packet.header.type == PacketType::state, round_trip_, now);
    if (acked.bytes > 0) {
        if (acked.round_trip) {
            round_trip_.add(*acked.round_trip);
            // Our packets cannot have queued for longer than the round trip took: the base was too low.
            const Duration queueing = our_delay_.queueing();
            if (queueing > *acked.round_trip) our_delay_.raise(microseconds(queueing - *acked.round_trip));
        }
        if (acked.came_late) window_.forgive_loss();
        window_.acknowledged(acked.bytes, our_delay_.queueing(), window_limited_);
        if (acked.probe_size > 0) mtu_.probe_arrived(acked.probe_size, now);
        progress_at_ = now;
        first_unanswered_at_ = sending_.unacknowledged() > 0 ? now : kNever;
        timeouts_ = 0;
        loss_probe_sent_ = false;
    }
    if (reopened) {  // what was sent while it was closed has been refused
        window_probes_ = 0;
        timeouts_ = 0;
        if (first_unanswered_at_ != kNever) first_unanswered_at_ = now;
        if (const std::size_t probe = sending_.time_out()) mtu_.probe_lost(probe, now);
    }
    handle_losses(now);
    return true;
}

void Connection::take_delay(const Packet& packet, TimePoint arrived_at, TimePoint now) {
    their_delay_us_ = std::max<std::uint32_t>(microseconds(arrived_at) - packet.header.timestamp_us, 1);
    const auto base_before = their_delay_.base_us();
    their_delay_.add(their_delay_us_, now);
    if (base_before && wraps_below(*their_delay_.base_us(), *base_before)) {
        // A clock that runs faster lowers the delays of one direction and raises those of the other.
        const std::uint32_t fall = *base_before - *their_delay_.base_us();
        if (fall <= kMostDrift_us) our_delay_.raise(fall);
    }
    const std::uint32_t ours = packet.header.timestamp_difference_us;
    if (ours != 0 && ours != kNoDelay) our_delay_.add(ours, now);
}

void Connection::take_content(const Packet& packet, TimePoint now) {
    using Taken = ReceiveQueue::Taken;
    const SequenceIndex index = nearest_index(received_->next(), packet.header.sequence_number);
    const bool fin = packet.header.type == PacketType::fin;
    const SequenceIndex next_before = received_->next();
    const Taken taken = received_->take(index, packet.payload, fin);
    if (!received_->has_hole())
        missing_since_ = kNever;
    else if (missing_since_ == kNever || received_->next() != next_before)
        missing_since_ = now;
    ++unacknowledged_;
    ++content_packets_;
    const bool quick = content_packets_ <= kQuickAcks || acknowledges_soon_ || unacknowledged_ >= kAckEvery;
    acknowledges_soon_ = false;
    if (taken != Taken::in_order || received_->has_hole() || fin || quick)
        ack_now_ = true;
    else
        ack_at_ = std::min(ack_at_, now + kAckDelay);
}

// ---- time ----

void Connection::handle_losses(TimePoint now) {
    const auto lost = sending_.find_losses(round_trip_, now);
    if (lost.probe_size > 0) mtu_.probe_lost(lost.probe_size, now);
    if (lost.latest_sent_at) window_.lost(*lost.latest_sent_at, now);
}

TimePoint Connection::loss_probe_at() {
    const SequenceIndex last = sending_.last_in_flight();
    if (last == 0 || loss_probe_sent_ || timeouts_ > 0 || !round_trip_.known()) return kNever;
    return sending_.at(last).sent_at + 2 * round_trip_.smoothed() + kTheirAckDelay;
}

TimePoint Connection::window_probe_at() const {
    const bool is_held = blocked_ || held_until_ != kNever;
    if (closed_window_since_ == kNever || sending_.unacknowledged() > 0 || is_held) return kNever;
    if (sending_.next_waiting() == 0) return kNever;
    return closed_window_since_ +
           std::min(kFirstWindowProbe * (1 << std::min(window_probes_, 5)), RoundTrip::kLongestTimeout);
}

TimePoint Connection::next_timeout() {
    if (state_ == State::failed || state_ == State::gone) return kNever;
    if (state_ == State::connecting) return progress_at_ + round_trip_.timeout(syns_ - 1);
    TimePoint at = std::min({ack_at_, held_until_, window_probe_at(), sent_at_ + kKeepalive});
    if (sending_.in_flight_bytes() > 0)
        at = std::min({at, progress_at_ + round_trip_.timeout(timeouts_), loss_probe_at(),
                       sending_.next_loss_at(round_trip_)});
    if (released_at_ != kNever) at = std::min(at, released_at_ + kLinger);
    return at;
}

void Connection::handle_timer(TimePoint now) {
    if (state_ == State::failed || state_ == State::gone) return;
    if (state_ == State::connecting) {
        if (now >= progress_at_ + round_trip_.timeout(syns_ - 1) && syns_ >= kMostSyns)
            fail(make_error_code(errc::timed_out));
        return;  // flush() sends the SYN again
    }
    if (released_at_ != kNever && now >= released_at_ + kLinger)
        return fail(make_error_code(errc::timed_out));
    if (now >= ack_at_) ack_now_ = true;
    if (sending_.in_flight_bytes() > 0) {
        handle_losses(now);
        if (now >= progress_at_ + round_trip_.timeout(timeouts_)) {
            time_out(now);
        } else if (now >= loss_probe_at()) {
            loss_probe_sent_ = true;
            if (all_.sink().has_room()) transmit(sending_.last_in_flight(), now);
        }
    }
}

void Connection::time_out(TimePoint now) {
    const bool closed = their_window_ < PacketPool::kBlockSize;
    if (now >= first_unanswered_at_ + kUnacknowledgedTimeout &&
        (!closed || now >= heard_at_ + kUnacknowledgedTimeout))
        return fail(make_error_code(errc::timed_out));
    const bool only_a_probe = sending_.last_in_flight() != 0 &&
                              sending_.at(sending_.last_in_flight()).probe &&
                              sending_.in_flight_bytes() == sending_.at(sending_.last_in_flight()).size;
    if (const std::size_t probe = sending_.time_out()) mtu_.probe_lost(probe, now);
    progress_at_ = now;
    if (only_a_probe) return;
    if (timeouts_ >= 1 && !closed && sending_.at(sending_.next_lost()).size > mtu_.least()) mtu_.black_hole();
    window_.timed_out(timeouts_ > 0);
    ++timeouts_;
}

// ---- what goes ----

PacketHeader Connection::header(PacketType type, TimePoint now) const {
    PacketHeader h;
    h.type = type;
    h.connection_id = send_id_;
    h.timestamp_us = microseconds(now);
    h.timestamp_difference_us = their_delay_us_;
    h.window_size = static_cast<std::uint32_t>(received_->window());
    h.ack_number = number_of(received_->next() - 1);
    return h;
}

void Connection::acknowledged_now() {
    // Content has no room for a selective acknowledgement.
    if (!received_->has_hole()) ack_now_ = false;
    ack_at_ = kNever;
    unacknowledged_ = 0;
}

void Connection::flush(TimePoint now) {
    if (state_ == State::connecting) return send_syn(now);
    if (state_ == State::gone && ack_now_ && received_)
        send_state(now);  // their FIN came with the answer to ours
    if (state_ != State::connected) return;
    if (released_ && released_at_ == kNever) released_at_ = now;
    window_.set_packet_size(mtu_.packet_size());
    if (sending_.in_flight_bytes() == 0 && sending_.next_waiting() != 0 && !keeps_silent(now)) {
        const Duration idle = now - progress_at_;
        if (const Duration timeout = round_trip_.timeout(0); idle >= timeout) window_.idled(idle, timeout);
    }
    send_packets(now);
    const std::size_t window = received_->window();
    const bool opened = window >= window_told_ + ReceiveQueue::kMost / 2 ||
                        (window_told_ < kClosedWindow && window >= 2 * kClosedWindow);
    if (ack_now_ || (opened && !released_ && content_packets_ > 0)) send_state(now);
    if (now >= sent_at_ + kKeepalive) send_state(now, true);
}

void Connection::send_syn(TimePoint now) {
    if (syns_ > 0 && now < progress_at_ + round_trip_.timeout(syns_ - 1)) return;
    PacketHeader syn;
    syn.type = PacketType::syn;
    syn.connection_id = receive_id_;
    syn.timestamp_us = microseconds(now);
    syn.window_size = static_cast<std::uint32_t>(ReceiveQueue::kGuaranteed);
    syn.sequence_number = syn_number_;
    all_.send_small(remote_, syn, {}, local_);
    ++syns_;
    progress_at_ = sent_at_ = now;
}

void Connection::send_packets(TimePoint now) {
    pacer_.set_rate(window_.bytes(), round_trip_.known() ? round_trip_.smoothed() : Duration{},
                    window_.in_slow_start() ? kPaceInSlowStart : kPace);
    window_limited_ = false;
    blocked_ = false;
    held_until_ = kNever;
    closed_window_since_ = their_window_ < PacketPool::kBlockSize ? closed_window_since_ : kNever;
    for (;;) {
        SequenceIndex index = sending_.first_is_lost() ? sending_.first() : sending_.next_lost();
        if (index == 0) index = sending_.next_waiting();
        if (index == 0 || !may_send(index, now)) return;
        transmit(index, now);
    }
}

bool Connection::may_send(SequenceIndex index, TimePoint now) {
    const SendQueue::Entry& entry = sending_.at(index);
    if (!all_.sink().has_room()) {
        blocked_ = true;
        return false;
    }
    const std::size_t in_flight = sending_.in_flight_bytes();
    // The packet for which the receiver waits goes in any case: a short selective acknowledgement says
    // nothing of most packets in flight until that hole is filled.
    const bool fills_hole = sending_.first_is_lost() && index == sending_.first();
    if (in_flight > 0 && in_flight + entry.size > window_.bytes() && !fills_hole) {
        window_limited_ = true;
        return false;
    }
    if (index == sending_.unsent()) {
        if (keeps_silent(now)) {
            held_until_ = sent_at_ + kSilence;
            return false;
        }
        if (sending_.unacknowledged() >= SendQueue::kMaxUnacknowledged) return false;
        if (sending_.unacknowledged_bytes() + entry.size > their_window_) {
            if (sending_.unacknowledged() > 0) return false;
            if (closed_window_since_ == kNever) closed_window_since_ = now;
            if (now < window_probe_at()) return false;
            ++window_probes_;
            closed_window_since_ = now;
        } else {
            closed_window_since_ = kNever;
        }
    }
    if (const TimePoint next = pacer_.next(); now < next) {
        held_until_ = next;
        window_limited_ = true;  // nothing but the window's size makes the pacer wait
        return false;
    }
    return true;
}

/// Returns true if the content that waits is little, and would hold up the retransmission for which our user
/// waits.
bool Connection::keeps_silent(TimePoint now) const {
    if (missing_since_ == kNever || now < missing_since_ + 2 * round_trip_.smoothed() + kOverdue)
        return false;
    return !released_ && sending_.waiting_bytes() < PacketPool::kBlockSize && now < sent_at_ + kSilence;
}

void Connection::transmit(SequenceIndex index, TimePoint now) {
    SendQueue::Entry& entry = sending_.at(index);
    if (sending_.in_flight_bytes() == 0) {
        progress_at_ = now;
        if (first_unanswered_at_ == kNever) first_unanswered_at_ = now;
    }
    sending_.sent(index, now);
    PacketHeader h = header(entry.type, now);
    h.sequence_number = number_of(index);
    h.encode_to(std::span<std::byte, PacketHeader::kSize>(entry.bytes.get(), PacketHeader::kSize));
    const auto fragmentation = entry.probe                       ? Fragmentation::forbidden
                               : entry.size > mtu_.packet_size() ? Fragmentation::early
                                                                 : Fragmentation::allowed;
    all_.sink().send(remote_, ByteView(entry.bytes.get(), entry.size), fragmentation, local_);
    pacer_.sent(entry.size, now);
    window_told_ = h.window_size;
    sent_at_ = now;
    acknowledged_now();
}

void Connection::send_state(TimePoint now, bool keepalive) {
    PacketHeader h = header(PacketType::state, now);
    h.sequence_number = number_of(sending_.unsent());
    std::byte bits[kMaxSelectiveAck];
    std::size_t size = 0;
    if (keepalive)  // an old acknowledgement keeps NAT's mapping, and is no duplicate of the last one
        h.ack_number = static_cast<std::uint16_t>(h.ack_number - 1);
    else
        size = received_->write_selective_ack(bits);
    all_.send_small(remote_, h, ByteView(bits, size), local_);
    window_told_ = h.window_size;
    sent_at_ = now;
    acknowledged_now();
    ack_now_ = false;
}

}  // namespace btfs::utp
