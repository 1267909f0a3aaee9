// Model of libutp's sender: its window and its rules for sending again.
#pragma once

#include <map>

#include "tests/engine/utp/support/virtual_link.hpp"

namespace btfs::utp {

/// Speaks for host A of a World, whose Connections it does not use, and sends a stream to B.
///
/// Of libutp: the window starts at one packet and grows by 3,000 bytes in a round trip at most; plain
/// duplicate acknowledgements make it send nothing again; a packet is sent again when three behind it were
/// acknowledged selectively, or after a time-out of a second at least, which leaves one packet of window; the
/// window is halved every 100 ms at most; 1,402 bytes to a packet; at most 1,023 packets in flight.
class LibutpSender {
  public:
    LibutpSender(World& world, std::uint64_t bytes) : world_(world), bytes_(bytes) {}

    /// SYN, and the answer to it.
    void open() {
        PacketHeader syn = header(PacketType::syn);
        syn.connection_id = kId;
        send(syn, {});
    }
    void handle(const Packet& p) {
        if (p.header.type == PacketType::reset) {
            reset = true;
            return;
        }
        delay_us_ = microseconds() - p.header.timestamp_us;
        if (!open_) {
            open_ = true;
            ack_ = static_cast<std::uint16_t>(p.header.sequence_number - 1);
            next_ = first_ = first_index(1) + 1;
            their_window_ = p.header.window_size;
            timeout_at_ = world_.now + 1s;
            return send_more();
        }
        their_window_ = p.header.window_size;
        const SequenceIndex through = nearest_index(first_ - 1, p.header.ack_number);
        if (through >= next_ || through + 4 < first_) return;
        std::size_t acked = 0;
        for (; first_ <= through; ++first_) acked += acknowledge(first_);
        int behind = 0;
        std::vector<SequenceIndex> again;
        for (int bit = static_cast<int>(p.selective_ack.size()) * 8 - 1; bit >= -1; --bit) {
            const SequenceIndex index =
                through + 2 + static_cast<SequenceIndex>(static_cast<std::int64_t>(bit));
            if (index >= next_) continue;
            const bool set =
                bit >= 0 &&
                (std::to_integer<int>(p.selective_ack[static_cast<std::size_t>(bit) / 8]) >> (bit % 8) & 1) !=
                    0;
            if (set) {
                acked += acknowledge(index);
                ++behind;
            } else if (!p.selective_ack.empty() && behind >= 3 && in_flight_.contains(index)) {
                again.push_back(index);
            }
        }
        if (acked > 0) {
            window_ += 3000.0 * std::min(1.0, static_cast<double>(acked) / window_);
            timeout_at_ = world_.now + timeout();
            timeouts_ = 0;
        }
        // Each packet once in a while: libutp keeps the number up to which it has sent again.
        std::size_t count = 0;
        for (auto it = again.rbegin(); it != again.rend() && count < 4; ++it)
            if (world_.now >= in_flight_[*it].again_after) {
                transmit(*it);
                ++count;
            }
        if (count > 0 && world_.now >= halved_at_ + 100ms) {
            halved_at_ = world_.now;
            window_ = std::max(window_ / 2, 1500.0);
        }
        send_more();
    }
    /// To be called when timeout_at() has come.
    void handle_timer() {
        if (!open_ || in_flight_.empty() || world_.now < timeout_at_) return;
        ++timeouts;
        ++timeouts_;
        window_ = 1402;
        needs_again_.clear();
        for (const auto& [index, flight] : in_flight_) needs_again_.push_back(index);
        flying_ = 0;
        timeout_at_ = world_.now + timeout() * (1 << std::min(timeouts_, 5));
        send_more();
    }
    TimePoint timeout_at() const { return timeout_at_; }
    bool finished() const { return open_ && sent_ == bytes_ && in_flight_.empty(); }

    int timeouts = 0;
    bool reset = false;

  private:
    static constexpr std::uint16_t kId = 4000;
    struct Flight {
        Bytes content;
        TimePoint sent_at, again_after;
        bool once = true, flying = true;
    };
    std::uint32_t microseconds() const {
        return static_cast<std::uint32_t>(world_.now.time_since_epoch() / 1us);
    }
    Duration timeout() const { return std::max<Duration>(smoothed_ * 2, 1s); }
    PacketHeader header(PacketType type) const {
        PacketHeader h{.type = type, .connection_id = kId + 1};
        h.timestamp_us = microseconds();
        h.timestamp_difference_us = delay_us_;
        h.window_size = 1 << 20;
        h.sequence_number = 1;
        h.ack_number = ack_;
        return h;
    }
    void send(const PacketHeader& h, ByteView content) {
        Bytes raw = h.encode();
        raw.insert(raw.end(), content.begin(), content.end());
        world_.send(world_.a.self, world_.b.self, raw, Fragmentation::allowed);
    }
    std::size_t acknowledge(SequenceIndex index) {
        const auto found = in_flight_.find(index);
        if (found == in_flight_.end()) return 0;
        const std::size_t size = found->second.content.size();
        if (found->second.once) smoothed_ += (world_.now - found->second.sent_at - smoothed_) / 8;
        if (found->second.flying) flying_ -= size;
        in_flight_.erase(found);
        return size;
    }
    void transmit(SequenceIndex index) {
        Flight& flight = in_flight_[index];
        if (flight.sent_at != TimePoint{}) flight.once = false;
        flight.sent_at = world_.now;
        flight.again_after = world_.now + smoothed_ + 20ms;
        PacketHeader h = header(PacketType::data);
        h.sequence_number = number_of(index);
        send(h, flight.content);
    }
    void send_more() {
        while (!needs_again_.empty()) {
            const SequenceIndex index = needs_again_.front();
            const auto found = in_flight_.find(index);
            if (found != in_flight_.end()) {
                if (flying_ > 0 && static_cast<double>(flying_ + found->second.content.size()) > window_)
                    return;
                flying_ += found->second.content.size();
                transmit(index);
            }
            needs_again_.erase(needs_again_.begin());
        }
        while (sent_ < bytes_) {
            const std::size_t size = std::min<std::uint64_t>(1382, bytes_ - sent_);
            const double limit = std::min(window_, static_cast<double>(their_window_));
            if (flying_ > 0 && static_cast<double>(flying_ + size) > limit) return;
            if (next_ - first_ >= 1023) return;
            Bytes content(size);
            for (std::size_t i = 0; i < size; ++i) content[i] = App::byte_at(sent_ + i);
            sent_ += size;
            flying_ += size;
            in_flight_[next_].content = std::move(content);
            transmit(next_++);
        }
    }

    World& world_;
    const std::uint64_t bytes_;
    bool open_ = false;
    std::uint16_t ack_ = 0;
    std::uint32_t delay_us_ = 0, their_window_ = 0;
    SequenceIndex first_ = 0, next_ = 0;
    std::map<SequenceIndex, Flight> in_flight_;
    std::vector<SequenceIndex> needs_again_;
    std::size_t flying_ = 0;
    std::uint64_t sent_ = 0;
    double window_ = 1402;
    Duration smoothed_ = 100ms;
    TimePoint timeout_at_ = kNever, halved_at_{};
    int timeouts_ = 0;
};

}  // namespace btfs::utp
