// Sending side of a connection: a byte stream in, packets out, until each is acknowledged.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/time.hpp"
#include "engine/utp/memory_budget.hpp"
#include "engine/utp/packet.hpp"
#include "engine/utp/round_trip.hpp"
#include "engine/utp/sequence.hpp"

namespace btfs::utp {

/// A packet is waiting, in flight, untold, lost, or acknowledged. Packets cannot be cut again once they were
/// sent, since sequence numbers count packets.
///
/// Loss is found as QUIC finds it (RFC 9002): each transmission has a number of its own, and one is lost if
/// another that left kReorder later has arrived, or if it is older than a round trip and a bit, and any later
/// one has arrived. So the loss of a retransmission is found as well, without waiting for a time-out.
class SendQueue {
  public:
    /// libutp drops packets 1,024 past the first missing one, libtorrent 953.
    static constexpr std::size_t kMaxUnacknowledged = 950;
    /// Transmissions that may overtake one. Grows when a packet that seemed lost had come late.
    static constexpr std::uint64_t kReorder = 3, kMostReorder = 300;

    /// An untold packet has left the network, and may have arrived: the receiver would not tell of it, since
    /// a selective acknowledgement of libutp ends kShortSelectiveAck packets behind the first missing one.
    enum class State : std::uint8_t { waiting, in_flight, untold, lost, acknowledged };
    static constexpr SequenceIndex kShortSelectiveAck = 30;

    struct Entry {
        PacketPool::Block bytes;  ///< room for the header, then the payload
        std::uint16_t size = 0;   ///< of the datagram
        std::uint16_t room = 0;   ///< the datagram may become so large
        PacketType type = PacketType::data;
        State state = State::waiting;
        bool probe = false;      ///< it asks for the path's MTU until it is lost
        bool overtaken = false;  ///< it was lost because later ones arrived, not by a time-out
        std::uint16_t times_sent = 0;
        std::uint64_t transmission = 0;  ///< number of the last one
        TimePoint sent_at{};
        SequenceIndex previous = 0, next = 0;  ///< in the list of its state
    };

    SendQueue(MemoryBudget& budget, PacketPool& pool, SequenceIndex first)
        : budget_(budget), pool_(pool), first_(first), unsent_(first), end_(first) {}
    SendQueue(const SendQueue&) = delete;
    SendQueue& operator=(const SendQueue&) = delete;
    ~SendQueue();

    /// Takes bytes, at most `limit`, in packets of `packet_size`; the first new packet is a probe of
    /// `probe_size` unless that is 0, or there is not content enough to fill it. Returns the number of bytes.
    std::size_t append(std::span<const iovec> from, std::size_t limit, std::size_t packet_size,
                       std::size_t probe_size);
    void append_fin();
    /// Bytes that still fit in the last packet that waits.
    std::size_t room_in_last() const;

    std::size_t waiting_bytes() const { return waiting_bytes_; }
    std::size_t in_flight_bytes() const { return in_flight_bytes_; }
    /// Bytes of all packets that were sent and not yet acknowledged in order: they fill the receiver's
    /// window.
    std::size_t unacknowledged_bytes() const { return unacknowledged_bytes_; }
    std::size_t unacknowledged() const { return unsent_ - first_; }
    bool empty() const { return first_ == end_; }
    SequenceIndex first() const { return first_; }
    /// Behind the last packet.
    SequenceIndex end() const { return end_; }
    /// Number of the packet that is sent next for the first time.
    SequenceIndex unsent() const { return unsent_; }
    bool fin_queued() const { return fin_queued_; }

    /// The first packet, for which the receiver waits, is to be retransmitted.
    bool first_is_lost() { return first_ < unsent_ && at(first_).state == State::lost; }
    /// Packet to retransmit; 0: none.
    SequenceIndex next_lost() const { return lost_.head; }
    /// Packet to send for the first time; 0: none.
    SequenceIndex next_waiting() const { return unsent_ < end_ ? unsent_ : 0; }
    /// The packet in flight that was sent last; 0: none.
    SequenceIndex last_in_flight() const { return in_flight_.tail; }
    Entry& at(SequenceIndex index) { return ring_[index & (ring_.size() - 1)]; }
    void sent(SequenceIndex index, TimePoint now);

    struct Acknowledged {
        std::size_t bytes = 0;  ///< newly
        /// Of the packet among them that was sent last, if it was sent once. When that is a retransmission,
        /// which filled a hole, earlier packets may have arrived long before: selective acknowledgements of
        /// libutp end after 30 packets.
        std::optional<Duration> round_trip;
        std::uint64_t latest_transmission = 0;
        bool came_late = false;      ///< a packet that seemed lost had not been
        std::size_t probe_size = 0;  ///< of a probe that arrived
    };
    /// `through` must have been sent. Bits past what was sent are ignored. `tells_all`: the receiver would
    /// have told what it holds behind `through`; packets with data do not.
    Acknowledged acknowledge(SequenceIndex through, ByteView selective, bool tells_all,
                             const RoundTrip& round_trip, TimePoint now);

    struct Lost {
        std::optional<TimePoint> latest_sent_at;  ///< of those lost that were no probes
        std::size_t probe_size = 0;
    };
    Lost find_losses(const RoundTrip& round_trip, TimePoint now);
    /// When find_losses() may find one by age.
    TimePoint next_loss_at(const RoundTrip& round_trip) const;
    /// All packets that are in flight or untold count as lost. Returns the size of a probe among it, or 0.
    std::size_t time_out();

  private:
    static constexpr SequenceIndex kAll = std::numeric_limits<SequenceIndex>::max();

    struct List {
        SequenceIndex head = 0, tail = 0;
    };
    void push(List& list, SequenceIndex index);
    void remove(List& list, SequenceIndex index);
    void mark_acknowledged(SequenceIndex index, const RoundTrip& round_trip, TimePoint now,
                           Acknowledged& result);
    /// Takes a packet that was sent out of the list of its state.
    void leave(SequenceIndex index);
    void lose(SequenceIndex index, bool overtaken, Lost& result);
    bool is_told_of(SequenceIndex index) const { return index <= std::max(told_through_, first_); }
    /// This packet or the next one in the list that the receiver would tell of; 0: none.
    SequenceIndex next_told_of(SequenceIndex index) const;
    Entry& add(PacketType type, std::size_t room);
    Duration patience(const RoundTrip& round_trip) const;

    MemoryBudget& budget_;
    PacketPool& pool_;
    std::vector<Entry> ring_;  ///< by index modulo its size, a power of two
    SequenceIndex first_, unsent_, end_;
    List in_flight_, untold_, lost_;  ///< in flight: in the order of transmission
    std::size_t waiting_bytes_ = 0, in_flight_bytes_ = 0, unacknowledged_bytes_ = 0;
    std::uint64_t transmissions_ = 0;
    std::uint64_t latest_arrived_ = 0;  ///< transmission
    std::uint64_t reorder_ = kReorder;
    SequenceIndex told_through_ = kAll;  ///< the receiver tells of packets up to this one
    int late_ = 0;                       ///< packets that came late make us more patient
    bool fin_queued_ = false;
};

}  // namespace btfs::utp
